"""Studies whose folds are invented instead of trained, on a store in memory: hundreds of them in seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial

from study.config.compose import compose
from study.config.members import Member, Stop
from study.config.overrides import rewrite
from study.config.schema import Configuration, ModelConfig, StudyConfig
from study.config.space import parse_space
from study.core.records import Fold, FoldResult
from study.data.examples import Texts
from study.engine.costs.parameters import count_parameters
from study.launch import Packs, nothing
from study.models import backbones
from study.models.backbones import Geometry
from study.record import Tracker
from study.record.none import NoTracker
from study.search import repeats
from study.search.driver import Driver
from study.search.ledger import Ledger
from study.search.plan import Plan
from study.search.stored import stop_of

Score = Callable[[Configuration, int], float | None]  # of a configuration and a fold; None is a failure
TOY = str(Path(__file__).parent / "contracts" / "toy")  # a pruner of its own
WRITES = ("create_new_trial", "set_trial_user_attr", "set_trial_state_values", "set_study_user_attr")


class Cut(Exception):
    """The process ends here."""


@cache
def composed(overrides: tuple[str, ...]) -> StudyConfig:
    return compose(rewrite([*overrides], TOY), TOY)


def plan_of(*overrides: str, examples: int = 400, seed: int = 0) -> Plan:
    """The plan of a study with these overrides, of texts in two classes, for the embedded model."""
    config = composed(overrides)
    config = replace(config, study=replace(config.study, seed=seed))
    texts = Texts(("a",) * examples, np.arange(examples) % 2, ("n", "p"))
    parts = np.array_split(np.arange(examples), config.study.folds)
    folds = tuple(Fold(k, np.setdiff1d(np.arange(examples), part), part) for k, part in enumerate(parts))
    plan = Plan(config, parse_space(config), texts, folds, "f", np.arange(0))
    plan._shapes.update(_shapes())
    return plan


@cache
def _shapes() -> dict[ModelConfig, Geometry]:
    model = ModelConfig()
    return {model: backbones.geometry(model, Texts((), np.arange(0), ()))}


@dataclass
class Invented:
    """A launcher whose results are invented, in an order that depends on the number of workers; counts what it ran."""

    plan: Plan
    score: Score
    workers: int = 1
    ran: list[tuple[int, int]] = field(default_factory=list)
    packs: list[list[tuple[int, int]]] = field(default_factory=list)
    seeds: dict[tuple[int, int], int] = field(default_factory=dict)
    ready = 0

    def run(self, packs: Packs, more: Callable[[], Packs] = nothing) -> Iterator[FoldResult]:
        while members := self._note(packs):
            shift = 3 * (self.workers - 1) % len(members)
            for member in (members[shift:] + members[:shift])[:: 1 if self.workers == 1 else -1]:
                self.ran.append((member.trial, member.fold))
                self.seeds[member.trial, member.fold] = member.seed
                yield self._result(member)
            packs = more()

    def _note(self, packs: Packs) -> list[Member]:
        """The members of the packs, which are counted."""
        given = [*packs]
        self.packs += [[(m.trial, m.fold) for m in pack] for pack in given]
        return [m for pack in given for m in pack]

    def _result(self, member: Member) -> FoldResult:
        score = self.score(member.configuration, member.fold)
        if score is None:
            return FoldResult(member.trial, member.fold, None, error="it is invented to fail")
        geometry = self.plan.geometry(member.configuration.model)
        known = count_parameters(member.configuration, member.adaptation, geometry, self.plan.examples.outputs)
        return FoldResult(member.trial, member.fold, score, {**known, "score": score})

    def pack_size(self, members: list[Member]) -> int:
        return 4


def one_by_one(packs: Packs, more: Callable[[], Packs]) -> Iterator[list[Member]]:
    """The packs, each as it is asked for, and those that follow: of one worker, which has brought those before."""
    waiting = deque([packs])
    while waiting:
        for pack in waiting.popleft():
            yield pack
            waiting.append(more())


class Silent:
    """A progress that keeps what was said, and of stops."""

    def __init__(self) -> None:
        self.stops: list[Stop] = []
        self.notes: list[str] = []

    def say(self, notes: tuple[str, ...]) -> None:
        self.notes += notes

    def trial_stopped(self, stop: Stop) -> None:
        self.stops.append(stop)

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: None


class Store(InMemoryStorage):
    """A store in memory that ends the process before its write number `cut`, counted from 0, where there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.writes, self.cut = 0, -1

    def __getattribute__(self, name: str) -> Any:
        if name in WRITES:
            self._count()
        return super().__getattribute__(name)

    def _count(self) -> None:
        if self.writes == self.cut:
            raise Cut
        self.writes += 1


@contextmanager
def stored_in(kept: InMemoryStorage) -> Iterator[None]:
    """Ledgers open this store, whatever their address."""
    with mock.patch("study.search.ledger.storage", return_value=kept):
        yield


def run(plan: Plan, score: Score, store: InMemoryStorage | None = None, workers: int = 1) -> tuple[Driver, Invented]:
    """The driver of a study that has run to its end, and what trained it."""
    launcher: Any = Invented(plan, score, workers)
    progress: Any = Silent()
    with stored_in(store or InMemoryStorage()):
        driver = Driver(plan, Ledger(plan), NoTracker(), progress, launcher)
        driver.run()
    return driver, launcher


def run_with_repeats(
    plan: Plan, score: Score, store: InMemoryStorage | None = None, workers: int = 1, tracker: Tracker | None = None
) -> tuple[Driver, Invented]:
    """The same with the further cross-validations that the plan allows."""
    launcher: Any = Invented(plan, score, workers)
    progress: Any = Silent()
    tracker = tracker or NoTracker()
    with stored_in(store or InMemoryStorage()):
        driver = Driver(plan, Ledger(plan), tracker, progress, launcher)
        driver.run()
        train, lost = driver.train, driver.losses.open
        repeats.train_undecided(plan, driver.ledger, driver.results, tracker, progress, train, lost)
    return driver, launcher


def asked(plan: Plan, store: InMemoryStorage) -> Ledger:
    """The ledger of a study in that store."""
    with stored_in(store):
        return Ledger(plan)


def outcome(driver: Driver) -> list[tuple[Any, ...]]:
    """What became of each trial: its values, parameters, folds and stop."""
    return [_outcome(trial, driver) for trial in driver.ledger.trials()]


def _outcome(trial: FrozenTrial, driver: Driver) -> tuple[Any, ...]:
    folds = {f.fold: f.score for f in driver.results[trial.number].folds}
    return trial.state.name, trial.values, trial.params, folds, stop_of(trial), trial.user_attrs.get("duplicate_of")
