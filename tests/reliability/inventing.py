"""A launcher whose members return at once, in a module that `launcher._target_` can name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from study.config.members import Member
from study.core.answers import Answers
from study.core.records import FoldResult
from study.launch import Launcher, Packs, Worker, nothing

T = TypeVar("T")
TRAINED = "trained.log"  # in the working folder: a line for each member, as "<trial> <fold>"


class Inventing(Launcher):
    """Invents a result that depends on nothing but the configuration and the fold."""

    def start(self, worker: Worker) -> Inventing:
        self.folds = worker.data.folds
        return self

    def run(self, packs: Packs, more: Callable[[], Packs] = nothing) -> Iterator[FoldResult]:
        while given := [*packs]:
            for member in (member for pack in given for member in pack):
                with open(TRAINED, "a") as file:
                    file.write(f"{member.trial} {member.fold}\n")
                yield self._result(member)
            packs = more()

    def _result(self, member: Member) -> FoldResult:
        method, held_out = member.configuration.method, len(self.folds[member.fold].valid)
        score = round(0.5 + 0.01 * method.rank + 0.001 * member.fold + 1e-4 * (method.lam or 0), 9)
        figures = {
            "score": score, "loss": 1 - score, "params/trainable": float(member.adaptation.trained),
            "params/stored": float(member.adaptation.stored), "memory/train_bytes": 1e6, "time/train_seconds": 1.0,
        }  # fmt: skip
        chance = np.random.default_rng([member.trial, member.fold])  # what is large: a database must grow for it
        answers = Answers(predicted=chance.integers(0, 200, held_out))
        return FoldResult(member.trial, member.fold, score, figures, started=1.0, ended=9.0, answers=answers)

    def ask(self, question: Callable[..., T], *arguments: Any) -> T:
        raise NotImplementedError(f"{question}: nothing of this study needs to be measured")

    def close(self) -> None:
        """There is no process."""
