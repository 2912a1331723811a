"""What the epochs of trials' folds measured, read back from MLflow as a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.runs import StudyRuns
from study.core.mlflow_store import TAG, address, explain_refusals, open_client, runs_of_level
from study.core.pareto import pareto_front

if TYPE_CHECKING:
    from mlflow import MlflowClient

PREFIX = "epoch/"
MEASURED = ("loss", "score")
MOST = 8  # trials whose epochs are read: a plot has room, and colours, for as many
COLUMNS = ("number", "fold", "epoch", "figure", "value")


def load_epochs(study: StudyRuns, tracking_uri: str | None = None) -> pd.DataFrame:
    """A row for each figure of each epoch of the front's and the baselines' folds, see :data:`COLUMNS`.

    Runs of folds are many, so those of other trials stay unread; empty where no fold has a run of its own.
    """
    runs = study.trials.set_index("number")["run_id"]
    numbers = [number for number in traced_numbers(study) if isinstance(runs[number], str)]
    if not numbers:
        return pd.DataFrame(columns=list(COLUMNS))
    client = open_client(tracking_uri)
    with explain_refusals(*address(tracking_uri)):
        rows = [row for number in numbers for row in _epochs(client, study.info.experiment, number, runs[number])]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def traced_numbers(study: StudyRuns) -> list[int]:
    """The trials whose learning is shown: the baselines, then of the front the highest scores."""
    compared = study.compared
    on_front = pareto_front(compared, study.info.objectives, study.info.directions)
    shown = compared[on_front | compared["baseline"].notna()]
    first = shown.sort_values("score", ascending=not study.info.higher_is_better)
    order = [*first.loc[first["baseline"].notna(), "number"], *first.loc[first["baseline"].isna(), "number"]]
    return sorted(int(number) for number in order[:MOST])


def _epochs(client: MlflowClient, experiment: str, number: int, run: str) -> list[dict[str, Any]]:
    """The rows of one trial."""
    histories = [
        (int(fold.data.tags[f"{TAG}fold"]), figure, client.get_metric_history(fold.info.run_id, PREFIX + figure))
        for fold in runs_of_level(client, experiment, "fold", run)
        for figure in MEASURED
        if PREFIX + figure in fold.data.metrics
    ]
    return [
        {"number": number, "fold": fold, "epoch": metric.step, "figure": figure, "value": metric.value}
        for fold, figure, history in histories
        for metric in history
    ]
