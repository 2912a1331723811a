"""The runs of one MLflow experiment, found, made and written in calls as few and as large as MLflow takes them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from study.core.mlflow_store import LEVEL, runs_of_level

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

T = TypeVar("T")
PARAMS_PER_CALL = 100  # MLflow's own limits
METRICS_PER_CALL = 1000


class Runs:
    """Runs of the levels study, trial and fold; times are seconds since the epoch, now where none is given."""

    def __init__(self, client: MlflowClient, experiment: str) -> None:
        self.client, self.experiment = client, experiment

    def of_level(self, level: str, parent: str | None = None) -> Iterator[Any]:
        """The runs of that level, below that run where one is given."""
        return runs_of_level(self.client, self.experiment, level, parent)

    def create(
        self,
        name: str,
        level: str,
        tags: dict[str, str],
        params: dict[str, str] | None = None,
        parent: str | None = None,
        start: float | None = None,
    ) -> str:
        """The id of a new run."""
        tree = {"mlflow.parentRunId": parent} if parent else {}
        run = self.client.create_run(
            self.experiment, run_name=name, tags={LEVEL: level, **tags, **tree}, start_time=_milliseconds(start)
        )
        self.log(run.info.run_id, params=params or {})
        return str(run.info.run_id)

    def log(
        self,
        run: str,
        metrics: Iterable[tuple[str, float, int]] = (),
        params: dict[str, str] | None = None,
        when: float | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        """Add figures (name, value, step), those that are finite numbers, parameters and tags."""
        from mlflow.entities import Metric, Param, RunTag

        stamp = _milliseconds(when)
        labels = [RunTag(k, v) for k, v in (tags or {}).items()]
        figures = [Metric(name, value, stamp, step) for name, value, step in metrics if math.isfinite(value)]
        settings = [Param(k, v) for k, v in (params or {}).items()]
        for some in _chunks(settings, PARAMS_PER_CALL):
            self.client.log_batch(run, params=some)
        for i, part in enumerate(_chunks(figures, METRICS_PER_CALL // 2)):
            self.client.log_batch(run, metrics=part, tags=labels if i == 0 else [])
        if labels and not figures:
            self.client.log_batch(run, tags=labels)

    def close(self, run: str, status: str, end: float | None = None) -> None:
        """Set the run's last status and when it ended."""
        self.client.set_terminated(run, status, end_time=_milliseconds(end))


def _milliseconds(when: float | None) -> int:
    return int((when or time.time()) * 1000)


def _chunks(items: list[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
