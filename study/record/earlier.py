"""What an earlier run of the same study has left in MLflow, to go on from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from study.core import answer_tables
from study.core.mlflow_notes import ROLE
from study.core.mlflow_store import STATE, TABLES, TAG
from study.core.records import INFEASIBLE, PRUNED, FoldResult
from study.record.names import trial_name
from study.record.runs import Runs
from study.record.tags import LONGEST

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


@dataclass
class Earlier:
    """Ids of runs, of trials by number and of folds by trial and index, the study's recorded parameters, and which
    trials need nothing more.

    `recorded` are the names of the parameters of open trials, `adapted` the trials whose adaptation is recorded, which
    the first versions did not do, `answered` those whose answers are, `roles` what trials were to the study's answer.
    """

    root: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    trials: dict[int, str] = field(default_factory=dict)
    folds: dict[tuple[int, int], str] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)
    recorded: dict[int, frozenset[str]] = field(default_factory=dict)
    adapted: set[int] = field(default_factory=set)
    answered: set[int] = field(default_factory=set)
    roles: dict[int, str] = field(default_factory=dict)


def correct_fold(client: MlflowClient, run: str, result: FoldResult) -> None:
    """Close a fold's run as failed where it is: an earlier version took figures that are no numbers."""
    if result.error and client.get_run(run).info.status != "FAILED":
        client.set_tag(run, f"{TAG}error", result.error[:LONGEST])
        client.set_terminated(run, "FAILED")


def read_earlier(runs: Runs, study_id: str, width: int) -> Earlier:
    """This study's runs, and none that others have put below them; `root` is "" where there are none.

    A closed trial is whole, so that only the folds of open ones are looked through. Trials whose names have another
    width are named anew.
    """
    # Compared here: the mark holds the study's name, and what a user wrote never enters a query.
    studies = runs.of_level("study")
    root = next((run for run in studies if run.data.tags.get(f"{TAG}study_id") == study_id), None)
    if root is None:
        return Earlier()
    known = Earlier(root.info.run_id, dict(root.data.params))
    for run in runs.of_level("trial", root.info.run_id):
        _add(known, run)
        _rename(runs, run, width)
    for number in known.trials.keys() - known.closed:
        read_folds(known, runs, number)
    runs.client.update_run(root.info.run_id, status="RUNNING")
    return known


def _add(known: Earlier, run: Any) -> None:
    number, tags = int(run.data.tags[f"{TAG}trial"]), run.data.tags
    known.trials[number], known.roles[number] = run.info.run_id, tags.get(ROLE, "")
    ended = run.info.status in ("FINISHED", "FAILED") or tags.get(STATE) in (PRUNED, INFEASIBLE)
    known.closed |= {number} if ended else set()
    known.recorded |= {} if ended else {number: frozenset(run.data.params)}
    known.adapted |= {number} if f"{TAG}adaptation" in tags else set()
    known.answered |= {number} if answer_tables.TRIAL in tags.get(TABLES, "") else set()


def read_folds(known: Earlier, runs: Runs, number: int) -> None:
    """Add the runs of a trial's folds, those of further cross-validations too; those half written are deleted."""
    for run in runs.of_level("fold", known.trials[number]):
        if run.info.status == "RUNNING":
            runs.client.delete_run(run.info.run_id)  # cut off half written; it is written again from the storage
        else:
            known.folds[number, int(run.data.tags[f"{TAG}fold"])] = run.info.run_id


def _rename(runs: Runs, run: Any, width: int) -> None:
    """Name a trial as this run of the study does: it may have grown, or an earlier version began it."""
    label = run.data.tags.get(f"{TAG}label")
    if label is not None and run.info.run_name != (name := trial_name(int(run.data.tags[f"{TAG}trial"]), label, width)):
        runs.client.update_run(run.info.run_id, name=name)
