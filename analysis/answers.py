"""Out-of-fold answers of a study's trials, read back from MLflow as aligned arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from analysis.errors import ReportError
from analysis.runs import StudyRuns, trial_runs
from study.core import answer_tables
from study.core.answer_tables import PREDICTED, WORTH, Table
from study.core.mlflow_store import TABLES, TAG, address, answering, open_client

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


@dataclass(frozen=True)
class OutOfFold:
    """What C trials answered, one column an answer: M = examples × cross-validations, fold by fold.

    `predicted` [C, M] are class ids (−1: not answered) with `labels` [M], `worth` [C, M] what each answer adds to the
    `metric` (NaN: not answered); one of the two is None. `fold` [M], `example` [M] (its position) and `group` [M], None
    where the study has no groups.
    """

    numbers: tuple[int, ...]
    metric: str
    example: np.ndarray
    fold: np.ndarray
    predicted: np.ndarray | None = None
    worth: np.ndarray | None = None
    labels: np.ndarray | None = None
    group: np.ndarray | None = None


def load_answers(study: StudyRuns, numbers: Sequence[int], tracking_uri: str | None = None) -> OutOfFold | None:
    """The answers of these trials, those that repeat another with its own; None where no trial's were kept."""
    client = open_client(tracking_uri)
    with answering(*address(tracking_uri)):
        root = client.get_run(study.info.run_id)
        runs = {int(run.data.tags[f"{TAG}trial"]): run for run in trial_runs(client, root)}
        originals = [int(runs[n].data.tags.get(f"{TAG}duplicate_of", n)) for n in numbers]
        kept = {n: _read(client, runs[n], answer_tables.TRIAL) for n in {*originals} if TABLES in runs[n].data.tags}
        if not kept:
            return None
        examples = _read(client, root, answer_tables.STUDY)
    return join_tables(tuple(numbers), [kept.get(n, {}) for n in originals], examples, study.info.metric)


def join_tables(numbers: tuple[int, ...], tables: Sequence[Table], examples: Table, metric: str) -> OutOfFold:
    """The answers of trials in columns that all share; `examples` say of each example its label and group."""
    told = [table for table in tables if table]
    places = np.concatenate([_places(table) for table in told])
    columns = np.unique(places, axis=0)
    fold, example = columns.T
    name, missing = (PREDICTED, -1) if PREDICTED in told[0] else (WORTH, np.nan)
    rows = np.full((len(tables), len(columns)), missing, dtype=type(missing))
    for row, table in zip(rows, tables, strict=True):
        if table:
            row[_positions(columns, _places(table))] = table[name]
    known = {key: _of_examples(examples, key, example) for key in ("label", "group")}
    return OutOfFold(numbers, metric, example, fold, labels=known["label"], group=known["group"], **{name: rows})


def _places(table: Table) -> np.ndarray:
    """Fold and example of each answer, [n, 2]."""
    return np.stack([table["fold"], table["example"]], axis=1)


def _positions(columns: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Where each of the places is among the sorted columns, [n]."""
    width = int(columns[:, 1].max()) + 1
    return np.searchsorted(columns @ [width, 1], places @ [width, 1])


def _of_examples(examples: Table, key: str, example: np.ndarray) -> np.ndarray | None:
    if key not in examples:
        return None
    order = np.argsort(examples["example"], kind="stable")
    return examples[key][order[np.searchsorted(examples["example"][order], example)]]


def _read(client: MlflowClient, run: Run, name: str) -> Table:
    """The run's table of that name; ReportError where its file is gone."""
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    files = get_artifact_repository(run.info.artifact_uri, client.tracking_uri)  # knows the place without another query
    with TemporaryDirectory() as folder:
        try:
            return answer_tables.from_json(Path(files.download_artifacts(name, folder)).read_text(encoding="utf-8"))
        except (OSError, MlflowException) as error:
            rule = f"holds no {name}, which was written there"
            raise ReportError(run.info.artifact_uri, rule, "bring the folder back") from error
