"""The run of a study itself, as MLflow keeps it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from study.core import mlflow_pages
from study.core.figures import MAXIMIZE, Direction, direction
from study.core.mlflow_store import TAG
from study.core.secrets import mask, mask_all

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Run


@dataclass(frozen=True)
class StudyInfo:
    """The study run itself; `tags` are the suite's own, without their prefix."""

    run_id: str
    status: str
    started: pd.Timestamp
    params: dict[str, str]
    tags: dict[str, str]
    metrics: dict[str, float] = field(default_factory=dict)
    experiment: str = ""
    artifacts: str = ""  # where its files are
    viewed: bool = False  # whether its experiment has a view of its trials for MLflow's pages
    ended: pd.Timestamp | None = None  # None while it runs

    @property
    def objectives(self) -> tuple[str, ...]:
        """The metrics that the study traded off, in its order."""
        return tuple(json_or_none(self.params.get("objectives")) or ("score", "params/trainable"))

    @property
    def directions(self) -> tuple[Direction, ...]:
        """``maximize`` or ``minimize``, one an objective."""
        recorded = json_or_none(self.tags.get("directions"))
        return tuple(recorded or (direction(name) for name in self.objectives))

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger `score` wins; a study that does not trade the score off maximizes it."""
        return dict(zip(self.objectives, self.directions, strict=False)).get("score", MAXIMIZE) == MAXIMIZE

    @property
    def sweeps(self) -> dict[str, str]:
        """The searched keys and the texts of their sweeps; none where they were not recorded."""
        return dict(json_or_none(self.params.get("space")) or {})

    @property
    def is_control(self) -> bool:
        """Whether the labels were shuffled, so that nothing is to be decided."""
        return self.params.get("task.shuffle_labels") == "True"

    def store(self, key: str) -> str | None:
        """The address that was recorded under a key; None where there was none."""
        place = self.params.get(key)
        return None if place == "None" else place

    @property
    def metric(self) -> str:
        """The name of what `score` measures."""
        return self.tags.get("metric", "score")


def read_info(run: Run, kept_in: Experiment) -> StudyInfo:
    """What the study run says of itself; `kept_in` is its experiment."""
    tags = {k.removeprefix(TAG): _without_passwords(v) for k, v in run.data.tags.items() if k.startswith(TAG)}
    started = pd.Timestamp(run.info.start_time, unit="ms", tz="UTC")
    ended = pd.Timestamp(run.info.end_time, unit="ms", tz="UTC") if run.info.end_time else None
    params, place, run_id = mask_all(run.data.params), run.info.artifact_uri, run.info.run_id
    experiment, viewed = run.info.experiment_id, mlflow_pages.view_tag(run_id) in kept_in.tags
    return StudyInfo(
        run_id, run.info.status, started, params, tags, finite_metrics(run), experiment, place, viewed, ended
    )


def _without_passwords(tag: str) -> str:
    """What a tag says; earlier versions recorded the command and its arguments with the passwords in them."""
    arguments = json_or_none(tag)
    return json.dumps(mask_all(arguments)) if isinstance(arguments, list) else mask(tag)


def finite_metrics(run: Run) -> dict[str, float]:
    """The run's metrics that are finite numbers; a database keeps the largest number there is for an infinite one."""
    return {name: value for name, value in run.data.metrics.items() if abs(value) < sys.float_info.max}


def json_or_none(text: Any) -> Any:
    """The value, or None where a store has cut the text short or never had it, which a frame knows as NaN."""
    try:
        return json.loads(text) if isinstance(text, str) else None
    except json.JSONDecodeError:
        return None
