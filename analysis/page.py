"""The report as one HTML page that opens offline."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from analysis import exported as export
from analysis import findings as say
from analysis.findings import Findings
from analysis.interactive import plotly_script, to_html
from analysis.layers import UNRECORDED, LinearLayer
from analysis.plots import Plot
from analysis.references import cells
from study.core import formatting as fmt

STYLE = """
:root{--ink:#1c2330;--dim:#5d6778;--line:#e3e7ee;--blue:#0b6bcb}*{box-sizing:border-box}
body{margin:0;background:#f5f7fa;color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1080px;margin:0 auto;padding:32px 20px 60px}h1{margin:0;font-size:27px}h2{margin:0 0 10px;font-size:19px}
.sub{color:var(--dim);margin:2px 0 20px}section{background:#fff;border:1px solid var(--line);border-radius:10px;
padding:20px 22px;margin:0 0 18px}.answer{border-left:5px solid var(--blue)}.answer p{font-size:18px;margin:0}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(250px,1fr));gap:12px;margin-top:16px}
.card{border:1px solid var(--line);border-radius:8px;padding:12px 14px}.card b{display:block;font-size:16px}
.card small,.note,figcaption{color:var(--dim);font-size:13px}.scroll{overflow-x:auto}figure{margin:0}
table{border-collapse:collapse;width:100%;font-size:13px}th{text-align:left;color:var(--dim);font-weight:600}
th,td{padding:7px 9px;border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums;vertical-align:top}
td{white-space:nowrap}
tr.chosen td{background:#eef6ff}.left-out{background:#fff8e6;border-color:#f0dca8}
dl{display:grid;grid-template-columns:170px 1fr;margin:0;font-size:13px}dt{color:var(--dim)}
dd{margin:0 0 4px;overflow-wrap:anywhere}.map td{text-align:center;padding:3px 5px}
.on{background:var(--blue);color:#fff}.off{color:#b4bcc8}
"""
SURE = (
    "Configurations trained on the same folds are compared in pairs, fold by fold. Folds share training data, so the "
    "plain t interval is too narrow; the Nadeau–Bengio interval corrects for that, and a configuration is called "
    "distinguishable only where the corrected interval leaves out zero (borderline: only the plain one does). "
    "The intervals are not corrected for the number of comparisons, and the best of many scores is flattered by "
    "chance: the test score, which the search never saw, is the fair estimate."
)
UNKNOWN = "The study did not record any."


def render(f: Findings) -> str:
    """The whole page."""
    name = escape(f.runs.name)
    body = "\n".join((
        f'<h1>{name}</h1><p class="sub">Which rank, which λ, which layers – and what each choice costs.</p>',
        _answer(f), _left_out(f), _figure_sections(f.plots[:1]),
        _section("The front", _front_table(f)), _section("Baselines", _baseline_table(f)),
        _section("What needs no training", table([cells(r) for r in f.references], empty=UNKNOWN)),
        _section("How sure", _sure(f)), _figure_sections(f.plots[1:]),
        _section("What the recommendation adapts", _adapted(f.linears)), _section("Exported models", _exported(f)),
        _section("Provenance", _provenance(f)),
    ))  # fmt: skip
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name} – lora-study</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<script>{plotly_script()}</script></head><body><main>{body}</main></body></html>\n"
    )


def table(rows: Sequence[dict[str, str]], chosen: Sequence[bool] = (), empty: str = "None.") -> str:
    """An HTML table of equal rows; every cell is escaped."""
    if not rows:
        return f'<p class="note">{escape(empty)}</p>'
    head = "".join(f"<th>{escape(key)}</th>" for key in rows[0])
    marks = chosen or [False] * len(rows)
    lines = [
        f"<tr{_mark(mark)}>{''.join(f'<td>{escape(c)}</td>' for c in row.values())}</tr>"
        for row, mark in zip(rows, marks, strict=True)
    ]
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _mark(chosen: bool) -> str:
    return ' class="chosen"' if chosen else ""


def _section(title: str, body: str, kind: str = "") -> str:
    heading = f"<h2>{escape(title)}</h2>" if title else ""
    return f'<section class="{kind}">{heading}{body}</section>'


def _left_out(f: Findings) -> str:
    errors = "".join(f"<br>{escape(line)}" for line in say.failures(f))
    return _section("", escape(say.left_out_line(f)) + errors, "left-out")


def _answer(f: Findings) -> str:
    cards = "".join(_card(f, rule, number) for rule, number in say.choices(f))
    return _section("The answer", f'<p>{escape(say.headline(f))}</p><div class="cards">{cards}</div>', "answer")


def _card(f: Findings, rule: str, number: int | None) -> str:
    if number is None:
        return f'<div class="card"><small>{escape(rule)}</small><b>{fmt.MISSING}</b></div>'
    row = f.trial(number)
    numbers = (
        f"{fmt.with_se(row['score'], row['score_se'])} · {fmt.count(row['params/trainable'])} parameters · "
        f"{fmt.mebibytes(row['memory/train_bytes'])} · test {fmt.number(row['test/score'])}"
    )
    return (
        f'<div class="card"><small>{escape(rule)}</small><b>{escape(fmt.text(row["label"]))}</b>'
        f"<small>trial {number} · {escape(numbers)}</small></div>"
    )


def _front_table(f: Findings) -> str:
    rows = [say.trial_cells(f, row) for _, row in f.front.iterrows()]
    note = '<p class="note">No other trial beats these in every objective. The recommendation is shaded.</p>'
    return note + table(rows, [n == f.answer.recommended for n in f.front["number"]], "The front is empty.")


def _baseline_table(f: Findings) -> str:
    baselines = f.compared[f.compared["baseline"].notna()]
    rows = [say.trial_cells(f, row) for _, row in baselines.iterrows()]
    return table(rows, empty="No baseline was compared.")


def _sure(f: Findings) -> str:
    rows = [say.comparison_cells(f, row) for _, row in f.comparison.iterrows()]
    return f'<p class="note">{escape(SURE)}</p>' + table(rows, empty="Nothing to compare.")


def _exported(f: Findings) -> str:
    if f.exported.empty:
        return f'<p class="note">{escape(export.how(f.runs.name))}</p>'
    rows = [export.cells(row) for _, row in f.exported.iterrows()]
    return f'<p class="note">{escape(export.NOTE)}</p>' + table(rows)


def _figure_sections(figures: Sequence[Plot]) -> str:
    return "\n".join(_section(figure.title, _figure(figure)) for figure in figures)


def _figure(figure: Plot) -> str:
    if figure.empty:
        return '<p class="note">No compared trial has these numbers.</p>'
    return f"<figure>{to_html(figure)}<figcaption>{escape(figure.caption)}</figcaption></figure>"


def _adapted(linears: Sequence[LinearLayer]) -> str:
    if not linears:
        return f'<p class="note">{escape(UNRECORDED)}</p>'
    names = list(dict.fromkeys(x.name for x in linears))
    cells = {(x.place, x.name): x.adapted for x in linears}
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    lines = [
        f"<tr><td>{place}</td>{''.join(_dot(cells.get((place, name))) for name in names)}</tr>"
        for place in reversed(list(dict.fromkeys(x.place for x in linears)))
    ]
    head_row = f"<thead><tr><th>layer</th>{head}</tr></thead>"
    return f'<div class="scroll"><table class="map">{head_row}<tbody>{"".join(lines)}</tbody></table></div>'


def _dot(adapted: bool | None) -> str:
    if adapted is None:
        return "<td></td>"
    return '<td class="on">adapted</td>' if adapted else '<td class="off">frozen</td>'


def _provenance(f: Findings) -> str:
    return f"<dl>{''.join(f'<dt>{escape(k)}</dt><dd>{escape(v)}</dd>' for k, v in say.provenance(f))}</dl>"
