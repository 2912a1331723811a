"""Tables of a terminal keep every number whole and every name complete, at any width."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from study.core.text_table import Column, TextTable

LABELS = [
    "r8 qv λ=10",
    "r{attention:8,ffn:2} all-linear top-half",
    r"encoder\.layer\.(0|1|2|3)\.attention\.[a-z]+",
    "日本語" * 12,
]
NUMBERS = ["0.604 ± 0.075", "22,713,986", "1,024.0 MiB", "1,024.0 MB", "–", "12,345.6 ms", "0.9123"]
HEADINGS = ["trial", "latency p50", "peak memory", "test score", "trainable", "stored", "base"]


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def tables() -> st.SearchStrategy[TextTable]:
    """Tables with one or two names and up to seven numbers."""

    def make(count: int, names: int, total: bool) -> st.SearchStrategy[TextTable]:
        columns = (
            *(Column(heading, total="9,999,999" if total else "") for heading in HEADINGS[:count]),
            *(Column(heading, name=True) for heading in ("configuration", "export")[:names]),
        )
        cells = [st.sampled_from(NUMBERS)] * count + [st.sampled_from(LABELS)] * names
        return st.lists(st.tuples(*cells), min_size=1, max_size=4).map(lambda rows: TextTable(columns, tuple(rows)))

    return st.builds(make, st.integers(1, 7), st.integers(1, 2), st.booleans()).flatmap(lambda made: made)


@pytest.mark.parametrize("width", [60, 80, 120])
@given(table=tables())
def test_every_number_is_whole_in_one_line_and_no_line_is_longer_than_the_terminal(
    width: int, table: TextTable
) -> None:
    lines = table.text(width).splitlines()
    assert max(map(cell_len, lines)) <= width
    shown = [re.split(r"\s{2,}|: ", line.strip()) for line in lines]
    for row in table.rows:
        for column, cell in zip(table.columns, row, strict=True):
            if not column.name:
                assert any(cell in cells for cells in shown), "\n".join(lines)
    if any(column.total for column in table.columns):
        assert any("9,999,999" in cells for cells in shown)


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("count", [1, 4, 7])
def test_a_name_is_folded_and_never_cut(width: int, label: str, count: int) -> None:
    columns = (Column("configuration", name=True), *(Column(heading) for heading in HEADINGS[:count]))
    lines = TextTable(columns, ((label, *NUMBERS[:count]),)).text(width).splitlines()
    numbers = squeezed("".join(NUMBERS[:count]))
    text = squeezed("".join(lines))
    for piece in (numbers[:4], squeezed(label)[:8]):
        assert piece in text
    names = "".join(re.sub(r"\s{2,}.*", "", line.strip()) for line in lines)
    assert squeezed(label) in squeezed(names)


TABLE = TextTable(
    (Column("trial"), Column("configuration", name=True), Column("train memory")),
    (("0", "head", "101 MiB"), ("12", "r{attention:8,ffn:2} all-linear", "1,024 MiB")),
    title="mine: the front",
    caption="* beside others",
)


def test_names_stand_beside_their_numbers_folded_or_above_them_and_headings_are_broken_at_spaces() -> None:
    assert TABLE.text(60).splitlines() == [
        "mine: the front",
        "trial  configuration                    train memory",
        "    0  head                                  101 MiB",
        "   12  r{attention:8,ffn:2} all-linear     1,024 MiB",
        "* beside others",
    ]
    assert TABLE.text(50).splitlines()[1:3] == [
        "                                            train",
        "trial  configuration                       memory",
    ]
    assert TABLE.text(36).splitlines()[3:6] == [
        "    0  head                  101 MiB",
        "   12  r{attention:8,ffn:  1,024 MiB",
        "       2} all-linear",
    ]
    assert TABLE.text(30).splitlines()[1:] == [
        "configuration",
        "             train",
        "  trial     memory",
        "head",
        "      0    101 MiB",
        "r{attention:8,ffn:2}",
        "all-linear",
        "     12  1,024 MiB",
        "* beside others",
    ]
    assert TABLE.text(17).splitlines()[2:6] == ["  trial: 0", "  train memory:", "101 MiB", "r{attention:8,ffn"]


def test_where_no_terminal_is_nothing_is_folded(capsys: pytest.CaptureFixture[str]) -> None:
    label = "x" * 500
    table = TextTable((Column("configuration", name=True), Column("score")), ((label, "0.9"),))
    assert table.text().splitlines()[1] == f"{label}    0.9"
