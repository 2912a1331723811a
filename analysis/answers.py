"""Out-of-fold answers of a study's trials, read back from MLflow as aligned arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import ReportError
from analysis.runs import StudyRuns
from study.core import answer_tables
from study.core.answer_tables import PREDICTED, WORTH, Table
from study.core.mlflow_store import address, explain_refusals, open_client
from study.core.scratch import scratch_folder

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class OutOfFold:
    """What C trials answered, one column an answer: M = examples × cross-validations, fold by fold.

    `predicted` [C, M] are class ids (−1: not answered) with `labels` [M], `worth` [C, M] what each answer adds to the
    `metric` (NaN: not answered); one of the two is None. `fold` [M], which goes on behind the index of the test in
    further cross-validations, `example` [M] (its position) and `group` [M], None where the study has no groups.
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
    repeats = study.trials.set_index("number")["duplicate_of"]
    originals = [number if pd.isna(repeats[number]) else int(repeats[number]) for number in numbers]
    known = sorted({*originals} & study.tables.keys())
    if not known:
        return None
    client = open_client(tracking_uri)
    with explain_refusals(*address(tracking_uri)):
        kept = {number: _read_trial(client, study, number) for number in known}
        examples = _read(client, study.info.artifacts, answer_tables.STUDY)
    return align_answers(tuple(numbers), [kept.get(number, {}) for number in originals], examples, study.info.metric)


def answers_or_reason(
    study: StudyRuns, numbers: Sequence[int], tracking_uri: str | None = None
) -> tuple[OutOfFold | None, str]:
    """The answers, or why there are none: a database is often handed on without the files that lie beside it.

    Of no trials there are none, which needs no reason.
    """
    if not numbers:
        return None, ""
    try:
        answers = load_answers(study, numbers, tracking_uri)
    except ReportError as error:
        return None, f"The answers to single examples cannot be read: {error}"
    return answers, "" if answers else "This study kept no answers to single examples, as earlier versions did not."


def align_answers(numbers: tuple[int, ...], tables: Sequence[Table], examples: Table, metric: str) -> OutOfFold:
    """The answers of trials in columns that all share; `examples` say of each example its label and group."""
    kept = [table for table in tables if table]
    places = np.concatenate([_places(table) for table in kept])
    columns = np.unique(places, axis=0)
    fold, example = columns.T
    name, missing = (PREDICTED, -1) if PREDICTED in kept[0] else (WORTH, np.nan)
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


def _read_trial(client: MlflowClient, study: StudyRuns, number: int) -> Table:
    """A trial's answers in all its cross-validations."""
    first = _read(client, study.tables[number], answer_tables.TRIAL)
    if number not in set(study.repeats["number"]):
        return first
    further = _read(client, study.tables[number], answer_tables.REPEATS)
    return {name: np.concatenate([values, further[name]]) for name, values in first.items()}


def _read(client: MlflowClient, place: str, name: str) -> Table:
    """The table of that name among a run's files; ReportError where it is gone."""
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    files = get_artifact_repository(place, client.tracking_uri)
    with scratch_folder() as folder:
        try:
            return answer_tables.from_json(
                Path(files.download_artifacts(name, str(folder))).read_text(encoding="utf-8")
            )
        except (OSError, MlflowException) as error:
            rule = f"holds no {name}, which was written there"
            raise ReportError(place, rule, "bring the folder back") from error
