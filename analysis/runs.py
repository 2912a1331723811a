"""MLflow → frozen records and pandas frames: one row a trial, one row a fold."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.errors import ReportError
from analysis.settings import WITHOUT_FACTORS, merge_parameters, setting_frame
from analysis.study_info import StudyInfo, finite_metrics, read_info
from study.core import formatting as fmt
from study.core import mlflow_pages, status_line
from study.core.figures import COSTS, ERROR, FOLD, PARTIAL, REPEAT, REPEATED, partial_figures
from study.core.mlflow_notes import ROLE
from study.core.mlflow_store import (
    REPLACES,
    TABLES,
    TAG,
    address,
    experiment_of,
    explain_refusals,
    open_client,
    runs_of_level,
)
from study.core.records import INFEASIBLE, PRUNED

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run

STATES = {"FINISHED": "complete", "FAILED": "failed"}
STOPPED = (PRUNED, INFEASIBLE)  # what a trial's own tag may say of it instead
# A column that no trial has filled is still a column, of missing values.
METRICS = (
    "score", f"score{ERROR}", f"{PARTIAL}score", f"{PARTIAL}score{ERROR}", f"{PARTIAL}folds", *COSTS, "test/score",
)  # fmt: skip
TAGS = ("label", "baseline", "duplicate_of", "error", "stopped", "broken", "adaptation")  # that say a thing of a trial
COLUMNS = (
    "number", "state", *TAGS, "kind", "rank", "rank_pattern", "lam",
    "targets", "layers", "residual", "run_id",
)  # fmt: skip


@dataclass(frozen=True)
class StudyRuns:
    """Everything a report needs of one study; `settings` are what each trial has of the searched keys."""

    name: str
    info: StudyInfo
    trials: pd.DataFrame
    folds: pd.DataFrame
    left_out: dict[str, int]
    settings: pd.DataFrame = field(default_factory=setting_frame)
    tables: dict[int, str] = field(default_factory=dict)  # places of the trials' tables of answers, by number
    server: str = ""  # where MLflow's pages are, if a server keeps them
    ui: str = ""  # the command that shows them on this machine, if none does
    roles: dict[int, str] = field(default_factory=dict)  # what trials are to the answer that MLflow's pages show
    changes: dict[int, dict[str, str | None]] = field(default_factory=dict)  # each trial's parameters: changes_of

    def link(self, run: str) -> str:
        """The address of a run's page; where no server keeps it, where ``mlflow ui`` shows it."""
        return f"{self.server or mlflow_pages.LOCAL}/{mlflow_pages.run_place(self.info.experiment, run)}"

    @property
    def trials_link(self) -> str:
        """The address of its trials in MLflow, best first; where no server keeps it, where ``mlflow ui`` shows it."""
        place = mlflow_pages.trials_place(self.info.experiment, self.info.run_id, self.info.viewed)
        return f"{self.server or mlflow_pages.LOCAL}/{place}"

    def parameter(self, number: int, key: str) -> str | None:
        """What a trial has of a recorded parameter; None where it has no such."""
        return self.changes.get(number, {}).get(key, self.info.params.get(key))

    @cached_property
    def repeats(self) -> pd.DataFrame:
        """One row a fold of a trial's further cross-validations: `number`, `repeat` from 1, `fold`, `score`."""
        return repeat_frame(self.trials)

    @property
    def compared(self) -> pd.DataFrame:
        """The trials that the report compares: complete, scored and no repetition of another."""
        t = self.trials
        return t[(t["state"] == "complete") & t["duplicate_of"].isna() & t["score"].notna()]


def load_study(name: str, tracking_uri: str | None = None) -> StudyRuns:
    """The study run of experiment `name` that ran last and its trials; StudyError where there is none."""
    status_line.say("Reading the runs")
    client = open_client(tracking_uri)
    key, uri = address(tracking_uri)
    with explain_refusals(key, uri), _pause_collection():
        experiment, run = _last_study_run(client, name)
        # Fold runs stay unread: a trial carries its folds' scores.
        recorded = standing(runs_of_level(client, experiment.experiment_id, "trial", run.info.run_id))
    info = read_info(run, experiment)
    numbers = [int(r.data.tags[f"{TAG}trial"]) for r in recorded]
    params = [merge_parameters(info.params, r.data.params, info.sweeps) for r in recorded]
    trials = trial_frame([_trial_row(*both) for both in zip(recorded, params, strict=True)])
    settings = setting_frame(list(zip(numbers, params, strict=True)), tuple(info.sweeps))
    newest_last = list(zip(numbers, recorded, params, strict=True))[::-1]  # of a number the newest run counts
    return StudyRuns(
        name, info, trials, fold_frame(trials), count_left_out(trials), settings,
        tables={number: r.info.artifact_uri for number, r, _ in newest_last if TABLES in r.data.tags},
        server=mlflow_pages.pages_at(uri),
        ui=mlflow_pages.ui_command(tracking_uri),
        roles={number: r.data.tags[ROLE] for number, r, _ in newest_last if ROLE in r.data.tags},
        changes={number: changes_of(of_trial, info.params) for number, _, of_trial in newest_last},
    )  # fmt: skip


def standing(trials: Iterable[Run]) -> list[Run]:
    """Those of the trials' runs whose trial was not asked again as another of them."""
    known = list(trials)
    replaced = {run.data.tags[REPLACES] for run in known if REPLACES in run.data.tags}
    return [run for run in known if run.data.tags[f"{TAG}trial"] not in replaced]


def trial_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a trial in the order of their numbers; the newest run wins where a number occurs twice."""
    extra = sorted({key for row in rows for key in row} - {*COLUMNS, *METRICS})
    frame = pd.DataFrame(rows, columns=[*COLUMNS, *METRICS, *extra])
    numeric = ["number", "rank", "lam", *METRICS, *extra]
    frame[numeric] = frame[numeric].apply(pd.to_numeric, errors="coerce")
    frame = frame.drop_duplicates("number").sort_values("number", ignore_index=True)
    return frame.astype({"number": int})


def fold_frame(trials: pd.DataFrame) -> pd.DataFrame:
    """One row a trial and fold with its score; a fold that was not scored has no row."""
    columns = [c for c in trials.columns if c.startswith(FOLD)]
    long = trials[["number", *columns]].melt("number", columns, "fold", "score").dropna(subset="score")
    long["fold"] = [int(c.removeprefix(FOLD)) for c in long["fold"]]
    return long.sort_values(["number", "fold"], ignore_index=True)


def repeat_frame(trials: pd.DataFrame) -> pd.DataFrame:
    """One row a trial and fold of a further cross-validation with its score; what was not scored has no row."""
    columns = [c for c in trials.columns if REPEAT.fullmatch(c)]
    long = trials[["number", *columns]].melt("number", columns, "place", "score").dropna(subset="score")
    places = [REPEAT.fullmatch(place).groups() for place in long.pop("place")]  # type: ignore[union-attr]
    long["repeat"], long["fold"] = [int(r) for r, _ in places], [int(k) for _, k in places]
    return long.sort_values(["number", "repeat", "fold"], ignore_index=True)


def score_text(row: Mapping[Any, Any]) -> str:
    """A trial's score and its standard error; the mean of a part of its folds in brackets, with their number."""
    mean, error, folds = (row[f"{PARTIAL}{name}"] for name in ("score", f"score{ERROR}", "folds"))
    if not fmt.missing(row["score"]) or fmt.missing(mean):
        return fmt.with_se(row["score"], row[f"score{ERROR}"])
    of = "a part of its folds" if fmt.missing(folds) else fmt.plural(int(folds), "fold")
    return f"({fmt.number(mean) if fmt.missing(error) else fmt.with_se(mean, error)} of {of})"


def counted_score(row: Any) -> float:
    """The score that the answer counts: the mean over all of a trial's cross-validations."""
    mean = row.get(f"{REPEATED}score")
    return float(row["score"] if fmt.missing(mean) else mean)


def counted_score_text(row: Any) -> str:
    """The same, of one cross-validation with its standard error, of several with their number."""
    many = row.get(f"{REPEATED}count")
    if fmt.missing(many):
        return fmt.with_se(row["score"], row[f"score{ERROR}"])
    return f"{fmt.number(counted_score(row))} over {fmt.plural(int(many), 'cross-validation')}"


def count_left_out(trials: pd.DataFrame) -> dict[str, int]:
    """How many trials are not compared, by the first reason that applies."""
    complete = trials["state"] == "complete"
    again = complete & trials["duplicate_of"].notna()
    return {
        "failed": int((trials["state"] == "failed").sum()),
        "incomplete": int((trials["state"] == "incomplete").sum()),
        **{state: n for state in STOPPED if (n := int((trials["state"] == state).sum()))},
        "told again": int(again.sum()),
        "complete without a score": int((complete & ~again & trials["score"].isna()).sum()),
    }


def _last_study_run(client: MlflowClient, name: str) -> tuple[Experiment, Run]:
    experiment = experiment_of(client, "study", name)
    if experiment is not None:
        studies = list(runs_of_level(client, experiment.experiment_id, "study"))
        if studies:
            return experiment, max(studies, key=lambda run: max(run.info.start_time, run.info.end_time or 0))
    known = ", ".join(sorted(e.name for e in _experiments(client))) or "none yet"
    rule = "no study of this name in the store" if experiment is None else "this experiment holds no study"
    raise ReportError(f"study={name}", rule, f"choose one of: {known}")


def _experiments(client: MlflowClient) -> Iterator[Any]:
    token = None
    while True:
        page = client.search_experiments(max_results=1000, page_token=token)
        yield from (e for e in page if e.name != "Default")
        token = page.token
        if not token:
            return


@contextmanager
def _pause_collection() -> Iterator[None]:
    """No garbage collection inside: MLflow makes an object of each of some 60 values a run, all of them alive until
    their page is done, and to look for garbage among them took most of the time of reading 10,000 trials."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def changes_of(params: Mapping[str, str], studys: Mapping[str, str]) -> dict[str, str | None]:
    """What a trial has otherwise than its study; None for what its method has not."""
    changed: dict[str, str | None] = {key: value for key, value in params.items() if studys.get(key) != value}
    return {**dict.fromkeys(studys.keys() - params.keys()), **changed}


def _trial_row(run: Run, params: Mapping[str, str]) -> dict[str, Any]:
    tags = run.data.tags
    named = {key: tags.get(TAG + key) or None for key in TAGS}
    method = {key: params.get(f"method.{key}") for key in ("kind", "rank", "targets", "layers", "residual")}
    marked = tags.get(f"{TAG}state")
    state = marked if marked in STOPPED else STATES.get(run.info.status, "incomplete")
    # As earlier versions called it.
    lam, rank = params.get("method.lam", params.get("method.lambda")), method["rank"]
    # A pattern such as attention:8,ffn:2 is no number to draw by: the column of ranks is then empty.
    method["rank_pattern"] = None if rank is None or rank.isdecimal() else rank
    named["run_id"] = run.info.run_id
    row = {"number": tags[f"{TAG}trial"], "state": state, "lam": None if lam == "None" else lam, **named, **method}
    if row["kind"] in WITHOUT_FACTORS:  # these methods have no such knobs; their recorded defaults mean nothing
        row |= dict.fromkeys(("rank", "rank_pattern", "lam", "targets", "layers", "residual"))
    figures = finite_metrics(run)
    whole = state == "complete" or (state == INFEASIBLE and not named["stopped"])
    return row | (figures if whole else partial_figures(figures))  # earlier versions did not name these apart
