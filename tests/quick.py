"""Workers in processes of their own whose members train in no time, for what is tested of the processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from study.config.members import Member
from study.core.records import FoldResult
from study.launch import Worker
from study.launch.local import LocalLauncher
from study.record.none import NoTracker


def score_of(trial: int, fold: int) -> float:
    return 0.5 + 0.01 * trial + 0.001 * fold


def train_quickly(pack: list[Member], bench: object) -> list[FoldResult]:
    """Results that depend on the member alone."""
    figures = {"params/trainable": 10.0, "params/stored": 10.0, "memory/train_bytes": 1.0, "time/train_seconds": 0.1}
    scores = [score_of(m.trial, m.fold) for m in pack]
    return [
        FoldResult(m.trial, m.fold, score, {**figures, "loss": 1 - score, "score": score}, started=1.0, ended=2.0)
        for m, score in zip(pack, scores, strict=True)
    ]


class Quick:
    """Stands for a worker, in whose process no training is done."""

    bench = None
    train = staticmethod(train_quickly)

    def begin(self, place: int = 0) -> None:
        from study.engine import train

        train.train_pack = self.train


class QuickLauncher(LocalLauncher):
    """The launcher of this machine with such workers."""

    stand_in: Callable[[], Quick] = Quick

    def start(self, worker: Worker) -> LocalLauncher:
        return super().start(self.stand_in())  # type: ignore[arg-type]


class Stuck(Quick):
    """Stands for a worker that is stopped as it begins, so many times in all; `tries` is a file that counts."""

    def __init__(self, tries: Path, times: int) -> None:
        self.tries, self.times = tries, times

    def begin(self, place: int = 0) -> None:
        with self.tries.open("a") as file:
            file.write("x")
        if self.tries.stat().st_size <= self.times:
            os.kill(os.getpid(), signal.SIGSTOP)
        super().begin(place)


def train_for_ever(pack: list[Member], bench: object) -> list[FoldResult]:
    """The first trial's results, and of the others nothing, ever: a file says that they are under way."""
    if all(m.trial == 0 for m in pack):
        return train_quickly(pack, bench)
    Path(f"{os.getpid()}.sleeps").touch()
    time.sleep(3600)
    raise AssertionError


class Sleepy(Quick):
    """Stands for a worker that trains one trial and then for ever."""

    train = staticmethod(train_for_ever)


class SleepyLauncher(QuickLauncher):
    """The launcher of this machine with such workers."""

    stand_in = Sleepy


def die_of_trial_one(pack: list[Member], bench: object) -> list[FoldResult]:
    """Results, but the second fold of the second trial ends the process for as long as there is a file."""
    if Path("deadly").exists() and any((m.trial, m.fold) == (1, 1) for m in pack):
        os._exit(1)
    with Path("trained").open("a") as trained:
        trained.writelines(f"{m.trial} {m.fold}\n" for m in pack)
    return train_quickly(pack, bench)


class Frail(Quick):
    """Stands for a worker that dies of a member."""

    train = staticmethod(die_of_trial_one)


class FrailLauncher(QuickLauncher):
    """The launcher of this machine with such workers."""

    stand_in = Frail


class EndlessTracker(NoTracker):
    """A record that takes for ever to be closed, as that of a server that answers no more."""

    def end(self, status: str) -> None:
        Path("closing").touch()
        time.sleep(3600)
