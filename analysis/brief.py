"""The report in short, as Markdown with a Mermaid diagram."""

from __future__ import annotations

from collections.abc import Sequence

from analysis import exported as export
from analysis import findings as say
from analysis.findings import Findings
from analysis.layers import UNRECORDED, LinearLayer
from analysis.references import cells
from study.core import formatting as fmt


def render(f: Findings) -> str:
    """The whole Markdown text."""
    chosen = [f"- {rule}: {_named(f, number)}" for rule, number in say.choices(f)]
    front = [say.trial_cells(f, row) for _, row in f.front.iterrows()]
    sure = [say.comparison_cells(f, row) for _, row in f.comparison.iterrows()]
    models = [export.cells(row) for _, row in f.exported.iterrows()]
    exports = ["## Exported models", table(models), export.NOTE] if models else []
    origin = [f"- {name}: {_cell(value)}" for name, value in say.provenance(f)]
    blocks = (
        f"# {_cell(f.runs.name)}", _cell(say.headline(f)), "\n".join(chosen), say.left_out_line(f),
        "\n".join(f"- {_cell(line)}" for line in say.failures(f)),
        "## The front", table(front), "![Score against trained parameters](figures/front.svg)",
        "## What needs no training", table([cells(r) for r in f.references]),
        "## How sure", table(sure), "## What the recommendation adapts", mermaid(f.linears), *exports,
        "## Provenance", "\n".join(origin),
    )  # fmt: skip
    return "\n\n".join(block for block in blocks if block) + "\n"


def table(rows: Sequence[dict[str, str]]) -> str:
    """A Markdown table of equal rows."""
    if not rows:
        return "None."
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(row.values() for row in rows)]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def mermaid(linears: Sequence[LinearLayer]) -> str:
    """A flow chart of the backbone, bottom to top: each layer with what is adapted in it."""
    if not linears:
        return UNRECORDED
    places = list(dict.fromkeys(x.place for x in linears))
    nodes = [_node(i, place, [x for x in linears if x.place == place]) for i, place in enumerate(places)]
    chain = " --> ".join(["input", *(f"L{i}" for i in range(len(places))), "head"])
    style = "  classDef adapted fill:#0b6bcb,color:#fff"
    ends = ['  input["input"]', '  head["head (trained)"]']
    return "\n".join(["```mermaid", "flowchart BT", *ends, *nodes, f"  {chain}", style, "```"])


def _node(number: int, place: str, linears: Sequence[LinearLayer]) -> str:
    names = [x.name.replace('"', "#quot;") for x in linears if x.adapted]
    if not names:
        return f'  L{number}["layer {place}: frozen"]'
    return f'  L{number}["layer {place}: {", ".join(names)}"]:::adapted'


def _named(f: Findings, number: int | None) -> str:
    if number is None:
        return fmt.MISSING
    row = f.trial(number)
    score, cost = fmt.with_se(row["score"], row["score_se"]), fmt.count(row["params/trainable"])
    return f"**{_cell(fmt.text(row['label']))}** (trial {number}), {score}, {cost} parameters"


def _cell(text: str) -> str:
    """Text that cannot break out of its line, table or tag."""
    return text.replace("\n", " ").replace("|", "\\|").replace("<", "&lt;")
