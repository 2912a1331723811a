"""The answer on MLflow's pages: as notes of the experiment, the study's run and its trials' runs, and as metrics."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from study.core.conclusion import Conclusion
from study.core.figures import ANSWER
from study.core.mlflow_store import TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient

NOTE = "mlflow.note.content"
ROLE = f"{TAG}role"  # of a trial: what its note says first
END = "*Written by lora-study, which keeps what is written below this line.*"
ROOM = 8000  # characters of a note that MLflow takes


def show_conclusion(
    client: MlflowClient, study: str, trials: Mapping[int, str], roles: Mapping[int, str], conclusion: Conclusion
) -> None:
    """Show it on the experiment of the `study` run, on that run and on the runs of its `trials`, ids by number.

    `roles` are what trials were to the answer before, as their tag says. Only what differs from what is there is
    written; what people wrote into the notes stays below.
    """
    run = client.get_run(study)
    experiment = client.get_experiment(run.info.experiment_id)
    note = merge_notes(experiment.tags.get(NOTE, ""), conclusion.note)
    if note != experiment.tags.get(NOTE):
        client.set_experiment_tag(experiment.experiment_id, NOTE, note)
    _show_on_study(client, run, conclusion)
    for number, trial in trials.items():
        role = conclusion.trials.get(number, "")
        if role != roles.get(number, ""):
            _show_on_trial(client, trial, role)


def merge_notes(present: str, note: str) -> str:
    """The note as it becomes: ours, cut where there is no room, and below it what a person wrote."""
    head, mark, below = present.partition(END)
    theirs = (below if mark else head).strip()
    room = ROOM - len(END) - len(theirs) - 4
    lines = note.strip().splitlines()
    while lines and len("\n".join(lines)) > room:
        lines.pop()
    return "\n\n".join(part for part in ("\n".join(lines), END, theirs) if part)


def with_role(role: str, note: str) -> str:
    """A trial's note behind the sentence on what it is to the answer."""
    return "\n\n".join(part for part in (role, note) if part)[:ROOM]


def _show_on_study(client: MlflowClient, study: Any, conclusion: Conclusion) -> None:
    from mlflow.entities import Metric, RunTag

    tags = {
        NOTE: merge_notes(study.data.tags.get(NOTE, ""), conclusion.note),
        f"{TAG}verdict": conclusion.kind,
        f"{TAG}recommended": "" if conclusion.recommended is None else str(conclusion.recommended),
        f"{TAG}best": "" if conclusion.best is None else str(conclusion.best),
    }
    # A figure of an earlier answer that this one lacks cannot be taken back: it becomes no number.
    former = {name: value for name, value in study.data.metrics.items() if name.startswith(ANSWER)}
    figures = {**dict.fromkeys(former, math.nan), **conclusion.figures}
    now = int(time.time() * 1000)
    metrics = [Metric(k, v, now, 0) for k, v in figures.items() if not _equal(v, former.get(k))]
    changed = [RunTag(k, v) for k, v in tags.items() if v != study.data.tags.get(k, "")]
    if metrics or changed:
        client.log_batch(study.info.run_id, metrics=metrics, tags=changed)


def _show_on_trial(client: MlflowClient, trial: str, role: str) -> None:
    """Put the sentence before the trial's note, in the place of an earlier one."""
    from mlflow.entities import RunTag

    tags = client.get_run(trial).data.tags
    rest = tags.get(NOTE, "").removeprefix(tags.get(ROLE, "")).strip()
    client.log_batch(trial, tags=[RunTag(ROLE, role), RunTag(NOTE, with_role(role, rest))])


def _equal(value: float, former: float | None) -> bool:
    return former is not None and (value == former or (math.isnan(value) and math.isnan(former)))
