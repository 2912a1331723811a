"""Files to tables: every format, encoding and delimiter gives the same rows; what is broken is said with its line."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import reviews, write_csv, write_jsonl, write_parquet

from study.core.errors import DataError
from study.data.tabular.files import READERS, read
from study.data.tabular.table import Table

ROWS = [{"review": 'He said "no", twice', "stars": "1"}, {"review": "two\nlines, größer", "stars": "2"}]


def table(path: Path, encoding: str | None = None, delimiter: str | None = None) -> Table:
    return read("path", str(path), {"review", "stars"}, encoding, delimiter)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_with_a_mark_and_delimiters_are_found_out(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = table(write_csv(tmp_path / "t.csv", ROWS, delimiter, encoding))
    assert rows.columns == {"review": [r["review"] for r in ROWS], "stars": ["1", "2"]}


def test_a_tsv_is_parted_by_tabs_whatever_else_is_in_its_header(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("review\tstars\tx,y,z,a,b\ngood\t1\t.\n", encoding="utf-8")
    assert table(path).columns["review"] == ["good"]


def test_a_tsv_that_quotes_nothing_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text('review\tstars\n"unclosed\t1\n6" of snow" it said\t2\n', encoding="utf-8")
    assert table(path).columns["review"] == ['"unclosed', '6" of snow" it said']


def test_what_is_named_wins_over_what_is_guessed(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", [{"review": "café", "stars": "1"}], ":", "cp1252")
    assert table(path, "cp1252", ":").columns["review"] == ["café"]


def test_all_formats_hold_the_same(tmp_path: Path) -> None:
    rows = reviews(7)
    delimited = table(write_csv(tmp_path / "t.csv", rows))
    lines, parquet = table(write_jsonl(tmp_path / "t.jsonl", rows)), table(write_parquet(tmp_path / "t.parquet", rows))
    assert delimited.columns["review"] == lines.columns["review"] == parquet.columns["review"]
    assert list(map(int, delimited.columns["stars"])) == lines.columns["stars"] == parquet.columns["stars"]
    assert [t.place(6) for t in (delimited, lines, parquet)] == ["line 8", "line 7", "row 6"]


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('review,stars\n\n"a\nb\nc",1\r\nd,2\n\ne,3\n', encoding="utf-8")
    rows = table(path)
    assert [rows.place(i) for i in range(3)] == ["line 3", "line 6", "line 8"]
    lines = tmp_path / "t.jsonl"
    lines.write_text('\n{"review": "a\\u2028b", "stars": 1}\n\n{"review": "c\u2028", "stars": 2}\n', encoding="utf-8")
    assert list(table(lines).numbers) == [2, 4]


text = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=20)


@settings(max_examples=50)
@given(st.lists(st.tuples(text, text), min_size=1, max_size=6))
def test_what_is_written_as_csv_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    write_csv(path, [{"review": a, "stars": b} for a, b in cells])
    filled = [(a, b) for a, b in cells if a.strip() or b.strip()]
    if not filled:
        with pytest.raises(DataError, match="holds no row"):
            table(path)
        return
    rows = table(path)
    assert list(zip(rows.columns["review"], rows.columns["stars"], strict=True)) == filled


def test_a_very_long_cell_is_a_cell_and_the_limit_of_csv_is_put_back(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    path = write_csv(tmp_path / "t.csv", [{"review": "word " * 100_000, "stars": 1}])
    assert len(table(path).columns["review"][0]) == 500_000
    assert csv.field_size_limit() == before


@pytest.mark.parametrize("suffix", READERS)
def test_no_bytes_end_in_anything_but_a_table_or_one_line(tmp_path: Path, suffix: str) -> None:
    rng = random.Random(0)
    for i in range(200):
        path = tmp_path / f"{i}{suffix}"
        path.write_bytes(rng.choice([rng.randbytes(30), bytes(rng.choices(b'a,b\n"{}:1\t', k=30))]))
        try:
            assert len(table(path)) > 0
        except DataError as error:
            assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", b'review,stars\na,1\n"he said \\"hi\\", and left",1\n', "line 3: .*twice"),
        ("t.tsv", b'review\tstars\tmore\na\t1\t\n"he \\" said, \t1\n', "line 3: has 2 cells where the header has 3"),
        ("t.csv", b'review;stars\n"a \\"b\\"; c";1\n', "line 2: .*twice"),
        ("t.csv", b'review,stars\na,1\n"\\"",1\n"b",2\n', "line 3: .*twice"),
        ("t.csv", b"review,stars\na,1\nb\0c,1\n", "line 3: holds a NUL character"),
        ("t.csv", b"rev\0iew,stars and some more of it\na,1\n", "line 1: holds a NUL character"),
        ("t.jsonl", b'{"review": "abc", "stars": 1}\n\n{"review": "a\0", "stars": 1}\n', "line 3: holds a NUL"),
        ("t.tsv", b"review\tstars\ra\t1\rb\0c and more of it\t1\r", "line 3: holds a NUL character"),
        ("t.csv", "review,stars\na,1\nb\0c,2\n".encode("utf-16"), "line 3: holds a NUL character"),
        ("t.csv", b"sep=;\nreview;stars\na;1\nb;c;2\n", "line 4: has 3 cells where the header has 2"),
        ("t.csv", b"review,stars\na,1\nreview,stars\nb,1\n", "line 3: repeats the header; delete the row"),
        ("t.jsonl", b'{"review": "a", "stars": 1}\n{"review": "\\ud83d", "stars": 1}\n', "line 2: holds .ud83d, half"),
        ("t.jsonl", b'{"review": "a", "\\ud83d": 1}\n', "line 1: holds .ud83d, half"),
    ],
)
def test_what_is_broken_is_said_with_its_line(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        table(tmp_path / name)


@pytest.mark.parametrize(
    "content",
    [
        b"review,stars\ra,1\rb,2\r", b"review,stars\r\na,1\rb,2\n", b"sep=;\nreview;stars\na;1",
        b"SEP=,\r\nreview,stars\r\na,1", b'"sep=|"\nreview|stars\na|1', b"\xef\xbb\xbfsep=\t\nreview\tstars\na\t1\n",
        "sep=;\nreview;stars\na;1".encode("utf-16"),
    ],
)  # fmt: skip
def test_ends_of_lines_and_the_delimiter_that_excel_names_are_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    assert table(tmp_path / "t.csv").columns["stars"][0] == "1"
    assert table(tmp_path / "t.csv").place(0) == f"line {2 if content.startswith(b'review') else 3}"
