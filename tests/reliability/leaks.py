"""What one driver holds while trials come and go: memory, handles, threads, processes and temporary files.

`PYTHONPATH=tests python tests/reliability/leaks.py --trials 300` runs a study whose folds are invented, and with
`--real` one whose folds really train in worker processes, and prints what is held after every tenth of the trials.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import psutil
from invented import Invented, Silent, plan_of

from study.config.schema import EngineConfig, ModelConfig, StorageConfig, TrainConfig
from study.core.answers import Answers
from study.core.records import Epoch, FoldResult, Provenance
from study.launch.local import LocalLauncher
from study.launch.worker import Worker
from study.record.behind import Behind
from study.record.mlflow import MlflowTracker
from study.search.driver import Driver
from study.search.ledger import Ledger
from study.search.plan import Plan

OVERRIDES = ("study.folds=3", "search.round=10", "method.rank=1,2,4,8,16,32", "method.lam=interval(0.1,1000)")
SAMPLES = 10  # of a study
MIB = 2**20


@dataclass(frozen=True)
class Held:
    """What the driver and its workers hold after so many trials; memory in bytes."""

    trials: int
    memory: int
    handles: int
    threads: int
    processes: int
    files: int
    workers_memory: int


def look(trials: int, folder: Path) -> Held:
    """What is held now, by this process, its children and the folder of temporary files."""
    gc.collect()
    process = psutil.Process()
    children = process.children(recursive=True)
    memory, handles = process.memory_info().rss, process.num_fds()
    files = sum(len(names) for _, _, names in os.walk(folder))
    theirs = sum(child.memory_info().rss for child in children)
    return Held(trials, memory, handles, threading.active_count(), len(children), files, theirs)


class Watched(Silent):
    """A progress that looks, after every so many trials, at what is held once the record has written what it has."""

    def __init__(self, each: int, folder: Path, tracker: Behind) -> None:
        super().__init__()
        self.each, self.folder, self.tracker, self.done, self.held = each, folder, tracker, 0, list[Held]()

    def trial_done(self, result: object) -> None:
        self.done += 1
        if self.done % self.each == 0:
            self.tracker.calls.join()
            self.held.append(look(self.done, self.folder))


class Answering(Invented):
    """Invents results as large as those of a study of texts."""

    def _result(self, member: Any) -> FoldResult:
        answers = Answers(predicted=np.arange(len(self.plan.folds[member.fold].valid)) % 2)
        epochs = tuple(Epoch(e, e, 0.5, 0.1) for e in (1, 2))
        return replace(super()._result(member), answers=answers, epochs=epochs)


def score(configuration: Any, fold: int) -> float:
    """More rank scores better."""
    return float(0.5 + 0.01 * configuration.method.rank + 0.001 * fold)


def invented(plan: Plan) -> Any:
    """What trains nothing."""
    return Answering(plan, score)


def run(trials: int, launcher_of: Callable[[Plan], Any], plan: Plan | None = None) -> list[Held]:
    """What is held while a study of so many trials runs, and when it is over, in a folder of its own."""
    with tempfile.TemporaryDirectory() as name, private_temporary_files() as temporary, chdir(name):
        given = plan or plan_of(*OVERRIDES)
        settings = replace(given.config.study, trials=trials)
        made = replace(
            given, config=replace(given.config, study=settings, storage=StorageConfig(f"sqlite:///{name}/o.db"))
        )
        made._shapes.update(given._shapes)
        ledger, tracker = Ledger(made), Behind(MlflowTracker(f"sqlite:///{name}/m.db"))
        progress = Watched(max(1, trials // SAMPLES), temporary, tracker)
        tracker.start(made.config, Provenance({"lora_study.study_id": ledger.study_id}), {})
        launcher = launcher_of(made)
        try:
            Driver(made, ledger, tracker, progress, launcher).run()  # type: ignore[arg-type]
        finally:
            getattr(launcher, "close", int)()
            tracker.end("FINISHED")
        return progress.held


@contextmanager
def private_temporary_files() -> Iterator[Path]:
    """A folder in which this process and those that it begins put their temporary files."""
    with (
        tempfile.TemporaryDirectory() as name,
        mock.patch.dict(os.environ, TMPDIR=name),
        mock.patch.object(tempfile, "tempdir", None),
    ):
        yield Path(name)


def real_plan(model: Path) -> Plan:
    """A study of two folds that train in no time: letters, a tiny model in that folder."""
    from tiny import letters

    data, given = letters(40), plan_of("study.folds=2", "search.round=10", *OVERRIDES[2:])
    small = ModelConfig(str(model), max_length=16)
    config = replace(
        given.config, model=small, train=TrainConfig(epochs=1), engine=EngineConfig(pack="4"),
        method=replace(given.config.method, layers="top-1"), search=replace(given.config.search, baselines=[]),
    )  # fmt: skip
    return replace(given, config=config, examples=data.examples, folds=data.folds[:2], test=np.arange(0))


def real(plan: Plan) -> Any:
    """Worker processes that train."""
    return LocalLauncher(2).start(Worker(plan.data, plan.config.engine, plan.config.model))


def slope(held: Sequence[Held], figure: str) -> float:
    """By how much a figure grows with each trial in the second half of the samples: the median of all pairs' slopes."""
    later = held[len(held) // 2 :]
    pairs = [(a, b) for i, a in enumerate(later) for b in later[i + 1 :]]
    return float(np.median([(getattr(b, figure) - getattr(a, figure)) / (b.trials - a.trials) for a, b in pairs]))


def table(held: Sequence[Held]) -> Iterator[str]:
    """The samples in Markdown."""
    yield "| trials | memory, MiB | handles | threads | processes | temporary files | workers' memory, MiB |"
    yield "| --: |" + " --: |" * 6
    for h in held:
        sizes = f"{h.memory / MIB:.1f} | {h.handles} | {h.threads} | {h.processes} | {h.files}"
        yield f"| {h.trials} | {sizes} | {h.workers_memory / MIB:.1f} |"


def main() -> None:
    """Print what is held in the course of a study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--real", action="store_true", help="let the folds train")
    given = parser.parse_args()
    if given.real:
        from tiny import save_model

        with tempfile.TemporaryDirectory() as name:
            held = run(given.trials, real, real_plan(save_model(Path(name) / "model")))
    else:
        held = run(given.trials, invented)
    print(*table(held), sep="\n")
    print(f"memory grows by {slope(held, 'memory') / 1024:.1f} KiB a trial")


if __name__ == "__main__":
    main()
