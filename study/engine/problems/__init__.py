"""Problems: what a pack learns from one kind of examples; each is the kind's file here with a `PROBLEM`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.core import kinds
from study.data.examples import Examples

if TYPE_CHECKING:
    from study.config.schema import ModelConfig
    from study.engine.problems.base import Problem
    from study.engine.workbench import Workbench


def problem_of(examples: Examples) -> type[Problem]:
    """The problem that examples of this kind pose; ConfigError where they pose none."""
    problem: type[Problem] = kinds.module(__name__, examples.kind).PROBLEM
    return problem


def make(bench: Workbench, model: ModelConfig, lowest: int, cached: bool = True) -> Problem:
    """The bench's problem, read by that model of which the blocks below `lowest` are frozen."""
    return problem_of(bench.data.examples)(bench, model, lowest, cached)
