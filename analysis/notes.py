"""What MLflow's pages say of a study's answer: the report's words, its front, and what each trial is to it."""

from __future__ import annotations

import math
import sys

import pandas as pd

from analysis.answer import role_of_taken, sentences
from analysis.deciding import repeat_notes
from analysis.findings import Findings, headline
from analysis.runs import counted_score
from study.core import formatting as fmt
from study.core import mlflow_pages
from study.core.alone import cost_of_trial, meanings
from study.core.conclusion import Conclusion
from study.core.errors import first_line
from study.core.evidence.judgement import Judgement
from study.core.evidence.verdict import CANNOT_TELL
from study.core.figures import ANSWER, COSTS, costs_of
from study.core.markdown import escape_marks, table
from study.core.mlflow_notes import show_conclusion
from study.core.mlflow_store import open_client
from study.core.prose import print_prose

MOST = 15  # trials of the front in a note


def conclusion_of(f: Findings) -> Conclusion:
    """The findings as MLflow's pages show them; pure."""
    first, *others = map(escape_marks, sentences(f.runs, f.judgement, f.references))
    parts = [" ".join([f"**{first}**", *others]), _links(f), _front(f)]
    note = "\n\n".join(part for part in parts if part)
    if f.judgement is None:
        return Conclusion(note)
    judgement = f.judgement
    roles = {int(number): _role(f, judgement, row) for row, number in enumerate(judgement.table.numbers)}
    return Conclusion(
        note, judgement.verdict.kind, f.recommended, judgement.best, _figures(f, judgement),
        {number: role for number, role in roles.items() if role},
    )  # fmt: skip


def show_in_mlflow(f: Findings, tracking_uri: str | None) -> None:
    """Let MLflow's pages say what these findings come to, if that is new to them; one line where it cannot be
    written."""
    from mlflow.exceptions import MlflowException

    trials = dict(zip(f.runs.trials["number"], f.runs.trials["run_id"], strict=True))
    try:
        show_conclusion(open_client(tracking_uri), f.runs.info.run_id, trials, f.runs.roles, conclusion_of(f))
    except MlflowException as error:
        first = first_line(error)
        print_prose(f"The note of {f.runs.name} in MLflow stays as it was: {first}.", sys.stderr)


def _front(f: Findings) -> str:
    """The front as a table, the recommendation in bold; each trial leads to its run."""
    shown = f.front.head(MOST)
    others = [name for name in f.runs.info.objectives if name != "score" and name not in COSTS]
    names = [*costs_of(f.runs.info.objectives), *others]
    if shown.empty:
        return ""
    headings = ["Trial", "Configuration", f.runs.info.metric, *names, "Near the best", "On the front"]
    rows = [_cells(f, row, names) for _, row in shown.iterrows()]
    more = len(f.front) - len(shown)
    parts = ["The front, cheapest first:", table(headings, rows)]
    parts += [f"and {fmt.plural(more, 'other')} of the front, in the report."] if more else []
    notes = (*repeat_notes(f.runs), *meanings(cell for row in rows for cell in row))
    return "\n\n".join([*parts, *(escape_marks(note) for note in notes if note not in headline(f))])


def _cells(f: Findings, row: pd.Series, names: list[str]) -> list[str]:
    number, judgement = int(row["number"]), f.judgement
    place = mlflow_pages.run_place(f.runs.info.experiment, str(row["run_id"]))
    label, at = escape_marks(str(row["label"])), None if judgement is None else judgement.row(number)
    chosen = f.recommended == number
    return [
        f"[{number}]({place})",
        f"**{label}**" if chosen else label,
        fmt.with_se(row["score"], row["score_se"]),
        *(cost_of_trial(name, row).text for name in names),
        fmt.probability(None if judgement is None or at is None else judgement.verdict.within[at]),
        fmt.probability(None if judgement is None or at is None else judgement.verdict.on_front[at]),
    ]


def _links(f: Findings) -> str:
    info = f.runs.info
    trials = mlflow_pages.trials_place(info.experiment, info.run_id, info.viewed)
    report = mlflow_pages.run_place(info.experiment, info.run_id, "report/index.html")
    return f"[All trials, best first]({trials}) · [The report]({report})"


def _role(f: Findings, judgement: Judgement, row: int) -> str:
    """What the trial in a row of the judgement is to the answer; "" where nothing measures that."""
    verdict, number = judgement.verdict, judgement.number(row)
    marks = [role_of_taken(judgement)] if number == f.recommended else []
    marks += ["Highest expected score"] if number == judgement.best else []
    marks += ["A candidate"] if verdict.kind == CANNOT_TELL and row in verdict.candidates and not marks else []
    said = f"**{', '.join(marks)}.** " if marks else ""
    if math.isnan(verdict.within[row]):
        return said.strip()
    near = f"Within {judgement.tolerance:g} of the best with probability {fmt.probability(verdict.within[row])}"
    return f"{said}{near}, on the front with probability {fmt.probability(verdict.on_front[row])}."


def _figures(f: Findings, judgement: Judgement) -> dict[str, float]:
    """The figures of the answer, those that are numbers."""
    best = f.trial(judgement.best)
    figures = {
        "best_score": counted_score(best), "best_cost": cost_of_trial(judgement.cost, best).value,
        "best_corrected": judgement.corrected, "compared": float(len(judgement.table.numbers)),
    }  # fmt: skip
    if f.recommended is not None:
        chosen, row = f.trial(f.recommended), judgement.row(f.recommended)
        assert row is not None
        figures |= {"score": counted_score(chosen), "cost": cost_of_trial(judgement.cost, chosen).value}
        figures |= {"probability": judgement.verdict.within[row]}
    return {ANSWER + name: float(value) for name, value in figures.items() if not fmt.missing(value)}
