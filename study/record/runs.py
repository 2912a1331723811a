"""The runs of one MLflow experiment, found, made and written in calls as few and as large as MLflow takes them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from study.core.mlflow_store import LEVEL, runs_of_level
from study.core.scratch import scratch_folder

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

T = TypeVar("T")
PARAMS_PER_CALL = 100  # MLflow's own limits
METRICS_PER_CALL = 1000
Figure = tuple[str, float, int]  # name, value and step


@dataclass(frozen=True)
class Begun:
    """A run that begins, with what is known of it then."""

    name: str
    level: str
    tags: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)
    parent: str | None = None
    started: float | None = None


@dataclass(frozen=True)
class Ended:
    """A run that has ended when it is written, with all that it holds."""

    name: str
    level: str
    tags: dict[str, str]
    parent: str
    figures: Sequence[Figure]
    status: str
    started: float | None = None
    ended: float | None = None


@dataclass(frozen=True)
class RunEnd:
    """What a run that has begun ends with."""

    run: str
    figures: Sequence[Figure]
    tags: dict[str, str]
    status: str
    ended: float | None = None


class Runs:
    """Runs of the levels study, trial and fold; times are seconds since the epoch, now where none is given."""

    def __init__(self, client: MlflowClient, experiment: str) -> None:
        self.client, self.experiment = client, experiment

    def of_level(self, level: str, parent: str | None = None) -> Iterator[Any]:
        """The runs of that level, below that run where one is given."""
        return runs_of_level(self.client, self.experiment, level, parent)

    def create(self, run: Begun) -> str:
        """The id of a new run."""
        return self.begin([run])[0]

    def begin(self, runs: Sequence[Begun]) -> list[str]:
        """The ids of new runs."""
        made = []
        for each in runs:
            tags, start = self._tags(each.level, each.tags, each.parent), stamp_of(each.started)
            run = self.client.create_run(self.experiment, run_name=each.name, tags=tags, start_time=start)
            self.log(run.info.run_id, params=each.params)
            made.append(str(run.info.run_id))
        return made

    def _tags(self, level: str, tags: dict[str, str], parent: str | None) -> dict[str, str]:
        return {LEVEL: level, **tags, **({"mlflow.parentRunId": parent} if parent else {})}

    def add(self, runs: Sequence[Ended]) -> list[str]:
        """The ids of new runs, each whole."""
        made = []
        for each in runs:
            run = self.create(Begun(each.name, each.level, each.tags, {}, each.parent, each.started))
            self.log(run, each.figures, when=each.ended)
            self.close(run, each.status, each.ended)
            made.append(run)
        return made

    def finish(self, endings: Sequence[RunEnd]) -> None:
        """Add the runs' last figures and tags, and close them."""
        for each in endings:
            self.log(each.run, each.figures, tags=each.tags)
            self.close(each.run, each.status, each.ended)

    def log(
        self,
        run: str,
        metrics: Iterable[tuple[str, float, int]] = (),
        params: dict[str, str] | None = None,
        when: float | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        """Add figures (name, value, step), those that are finite numbers, parameters and tags."""
        from mlflow.entities import Param, RunTag

        labels = [RunTag(k, v) for k, v in (tags or {}).items()]
        figures = mlflow_metrics(metrics, stamp_of(when))
        settings = [Param(k, v) for k, v in (params or {}).items()]
        for some in _chunks(settings, PARAMS_PER_CALL):
            self.client.log_batch(run, params=some)
        for i, part in enumerate(_chunks(figures, METRICS_PER_CALL // 2)):
            self.client.log_batch(run, metrics=part, tags=labels if i == 0 else [])
        if labels and not figures:
            self.client.log_batch(run, tags=labels)

    def put(self, run: str, name: str, text: str) -> None:
        """Add a file of that name, in the place of another one."""
        with scratch_folder() as folder:
            file = folder / name
            file.write_text(text, encoding="utf-8")
            self.client.log_artifact(run, str(file))

    def close(self, run: str, status: str, end: float | None = None) -> None:
        """Set the run's last status and when it ended."""
        self.client.set_terminated(run, status, end_time=stamp_of(end))


def mlflow_metrics(figures: Iterable[Figure], stamp: int) -> list[Metric]:
    """Those of the figures that are finite numbers, as MLflow has them."""
    from mlflow.entities import Metric

    return [Metric(name, value, stamp, step) for name, value, step in figures if math.isfinite(value)]


def stamp_of(when: float | None) -> int:
    """Milliseconds since the epoch, now where no time is given."""
    return int((when or time.time()) * 1000)


def _chunks(items: list[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
