"""Several studies side by side: a page with the answer and the front of each, which leads to the report of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from analysis import findings as say
from analysis.answer import cost_text, verdict_words
from analysis.environment import html_environment, in_order
from analysis.errors import ReportError
from analysis.findings import Findings
from analysis.grid import Grid, grid_of
from analysis.notes import show_in_mlflow
from analysis.options import Options
from analysis.plots import Plot
from analysis.report import read_findings, write_findings
from analysis.runs import StudyRuns, counted_score_text, load_study
from study.core import formatting as fmt
from study.core.alone import cost_of_trial
from study.core.names import LONGEST, check_name
from study.core.text_table import Column, TextTable

TRAINED = "params/trainable"
SHOWN = ("Configuration", "Near enough", "Score ± SE", "Cost", "Trained parameters", "Test score")  # of what to take
NEAR = "Near enough is the probability to be within the study's own tolerance of its best."


def write_reports(
    text: str, out_dir: str | Path, tracking_uri: str | None = None, options: Options | None = None
) -> Path:
    """Write the report of the study that `text` names, or of each of several between commas and a page that compares
    them, <out_dir>/index.html; return the page that was asked for. Nothing is written where a study is unknown."""
    options = options or Options()
    return write_studies(read_studies(text, tracking_uri, options), out_dir, tracking_uri, options)


def read_studies(text: str, tracking_uri: str | None, options: Options) -> list[Findings]:
    """The findings of the studies that `text` names; StudyError where one is unknown."""
    return [read_findings(runs, tracking_uri, options) for runs in load_studies(text, tracking_uri)]


def write_studies(studies: Sequence[Findings], out_dir: str | Path, tracking_uri: str | None, options: Options) -> Path:
    """Write the report of each of the studies, and of several the page that compares them; the page to begin with.

    MLflow's notes say the answer whatever becomes of the pages, unless the options ask another question than the
    studies do.
    """
    if options.tolerance is None and options.confidence is None:
        for findings in studies:
            show_in_mlflow(findings, tracking_uri)
    pages = [write_findings(findings, out_dir, options) for findings in studies]
    if len(pages) == 1:
        return pages[0]
    index = Path(out_dir) / "index.html"
    index.write_text(comparison_of(studies), encoding="utf-8")
    return index


def load_studies(text: str, tracking_uri: str | None = None) -> list[StudyRuns]:
    """The study of that name, or where there is none those whose names the commas in it part (no space follows them).

    StudyError where one is unknown.
    """
    names = list(dict.fromkeys(re.split(r",(?! )", text)))
    for name in names:
        check_name("study", name)  # such as ../x must not lead out of the folder
    if len(names) > 1 and len(text.encode()) <= LONGEST:
        with suppress(ReportError):  # no study has the whole as its name
            return [load_study(text, tracking_uri)]
    return [load_study(name, tracking_uri) for name in names]


def comparison_of(studies: Sequence[Findings]) -> str:
    """The page that compares the studies; it needs no script."""
    shown = [(f, _address(f), say.headline(f), _front(f)) for f in studies]
    template = html_environment().get_template("several.html.j2")
    return in_order(template.render(studies=shown, answers=answers_grid(studies), plots=fronts_plots(studies)))


def answers_grid(studies: Sequence[Findings]) -> Grid:
    """A row for each study: its answer, how sure that is and what it costs; the first cell leads to its report."""
    others = any(f.judgement is not None and f.judgement.cost != TRAINED for f in studies)
    shown = [heading for heading in SHOWN if others or heading != "Trained parameters"]  # which the cost says otherwise
    grid = grid_of([_answer_cells(f, shown) for f in studies])
    return replace(grid, links=tuple(_address(f) for f in studies), notes=(NEAR, *grid.notes))


def terminal_answer(studies: Sequence[Findings]) -> str:
    """What a terminal shows of the answer: that of one study in words, those of several in a table."""
    if len(studies) == 1:
        return say.headline(studies[0])
    grid = answers_grid(studies)
    names = ("Study", "Task", "Answer", "Configuration", "Metric")
    columns = tuple(Column(heading, name=heading in names) for heading in grid.headings)
    return TextTable(columns, grid.rows, caption="\n".join(grid.notes)).text()


def fronts_plots(studies: Sequence[Findings]) -> tuple[Plot, ...]:
    """For each metric and cost, the fronts of the studies that trade one for the other."""
    plots = []
    for i, (metric, cost) in enumerate(dict.fromkeys(_titles(f) for f in studies)):
        alike = [f for f in studies if _titles(f) == (metric, cost)]
        fronts = [(f.runs.name, series) for f in alike for series in f.plots[0].series if series.name == "front"]
        series = tuple(replace(front, name=name, color=j + 1) for j, (name, front) in enumerate(fronts) if front.x)
        title = f"The fronts by {metric} and {cost}"
        caption = "Each line joins one study's front; bars are one standard error over folds."
        plots.append(Plot(f"fronts-{i}", title, caption, cost, metric, series, any(f.plots[0].log_x for f in alike)))
    return tuple(plots)


def _titles(f: Findings) -> tuple[str, str]:
    """The titles of the score and of the cost by which a study's front is drawn."""
    return f.plots[0].y_title, f.plots[0].x_title


def _answer_cells(f: Findings, shown: Sequence[str]) -> dict[str, str]:
    number = f.recommended
    cells = {} if number is None else {**say.trial_cells(f, f.trial(number)), **_judged_cells(f, number)}
    return {
        "Study": f.runs.name,
        "Task": fmt.text(f.runs.info.params.get("task.name")),
        "Answer": verdict_words(f.runs, f.judgement, f.references),
        "Metric": f.runs.info.metric,
        **{heading: cells.get(heading, fmt.MISSING) for heading in shown},
        "Compared": f"{len(f.compared)} of {len(f.runs.trials)}",
    }


def _judged_cells(f: Findings, number: int) -> dict[str, str]:
    """How probably a trial is near enough to the best, what it scores as the answer counts it, and what it costs by the
    cost that decides in its study."""
    assert f.judgement is not None
    near, _ = f.probabilities(number).values()
    cost = cost_text(cost_of_trial(f.judgement.cost, f.trial(number)))
    return {"Near enough": near, "Cost": cost, "Score ± SE": counted_score_text(f.trial(number))}


def _front(f: Findings) -> Grid:
    chosen = tuple(i for i, number in enumerate(f.front["number"]) if number == f.recommended)
    return grid_of([say.trial_cells(f, row) for _, row in f.front.iterrows()], chosen)


def _address(f: Findings) -> str:
    return f"{quote(f.runs.name)}/index.html"
