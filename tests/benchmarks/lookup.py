"""Studies whose folds are looked up in a trained grid: the product's driver, on a store in memory, in no time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from benchmarks.grid_table import GridTable
from invented import Silent, composed, one_by_one, stored_in
from optuna.storages import InMemoryStorage

from study.config.members import Member
from study.config.schema import Configuration, ModelConfig
from study.config.space import parse_space
from study.core.answers import Answers
from study.core.records import Fold, FoldResult
from study.data.examples import Classified, Graph, Texts
from study.launch import Packs, nothing
from study.models import backbones
from study.models.backbones import Geometry
from study.record.none import NoTracker
from study.search.driver import Driver
from study.search.ledger import Ledger
from study.search.plan import Plan, baselines

WORDS = 1433  # of Cora: how wide the graph's features are, which the shapes of its networks depend on


def examples_of(table: GridTable) -> Classified:
    """Examples with the grid's labels, without their contents, which nothing reads."""
    labels, classes = np.zeros(len(table.labels), np.int64), tuple(table.origin["classes"])
    labels[table.example] = table.labels
    if table.origin["kind"] == "texts":
        return Texts(("",) * len(labels), labels, classes)
    nodes = np.arange(len(labels))
    return Graph(np.zeros((len(nodes), WORDS), np.uint8), np.zeros((2, 0), np.int64), nodes, labels, classes)


@dataclass
class Grid:
    """A trained grid made ready: `table`, and what of its plans is the same in every replay."""

    table: GridTable

    def plan(self, *overrides: str, seed: int = 0) -> Plan:
        """The plan of a study on the grid's configurations, with further overrides."""
        config = composed((*self.table.origin["overrides"], *overrides))
        config = replace(config, study=replace(config.study, seed=seed))
        plan = Plan(config, parse_space(config), self.examples, self.folds, "replayed", np.arange(0))
        plan._shapes.update(self.shapes)
        return plan

    @cached_property
    def examples(self) -> Classified:
        return examples_of(self.table)

    @cached_property
    def folds(self) -> tuple[Fold, ...]:
        every = np.arange(len(self.table.labels))
        held = [self.table.example[self.table.fold == k] for k in range(self.table.scores.shape[1])]
        return tuple(Fold(k, np.setdiff1d(every, valid), valid) for k, valid in enumerate(held))

    @cached_property
    def shapes(self) -> dict[ModelConfig, Geometry]:
        model = composed(tuple(self.table.origin["overrides"])).model
        shaping = ModelConfig(model.name, pooling=model.pooling)
        return {shaping: backbones.geometry(shaping, self.examples)}

    @cached_property
    def rows(self) -> dict[Configuration, int]:
        """The row of each configuration in the table."""
        plan = self.plan()
        named = baselines(plan)
        made = [
            plan.config.configuration.with_values(values) if name is None else named[name]
            for values, name in zip(self.table.values, self.table.baselines, strict=True)
        ]
        return {configuration: row for row, configuration in enumerate(made)}


@dataclass
class Lookup:
    """A launcher that trains nothing: each result is the grid's; counts what it was asked for."""

    plan: Plan
    grid: Grid
    ran: list[tuple[int, int]] = field(default_factory=list)
    workers: int = 1
    ready = 0

    def run(self, packs: Packs, more: Callable[[], Packs] = nothing) -> Iterator[FoldResult]:
        for member in (m for pack in one_by_one(packs, more) for m in pack):
            self.ran.append((member.trial, member.fold))
            yield self._result(member)

    def _result(self, member: Member) -> FoldResult:
        table, row = self.grid.table, self.grid.rows[member.configuration]
        score = float(table.scores[row, member.fold])
        costs = {name: float(values[row]) for name, values in table.costs.items()}
        answers = Answers(predicted=table.predicted[row, table.fold == member.fold])
        return FoldResult(member.trial, member.fold, score, {**costs, "score": score}, answers=answers)

    def pack_size(self, members: list[Member]) -> int:
        return 1


def replay(grid: Grid, *overrides: str, seed: int = 0) -> Driver:
    """The driver of a study on the grid that has run to its end."""
    plan = grid.plan(*overrides, seed=seed)
    launcher: Any = Lookup(plan, grid)
    progress: Any = Silent()
    with stored_in(InMemoryStorage()):
        driver = Driver(plan, Ledger(plan), NoTracker(), progress, launcher)
        driver.run()
    return driver
