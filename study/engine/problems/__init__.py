"""Problems: what a pack learns from one kind of examples; a new kind is a file here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.data.examples import Documents, Examples, Graph, Pairs, Texts

if TYPE_CHECKING:
    from study.config.schema import ModelConfig
    from study.engine.problems.base import Problem
    from study.engine.workbench import Workbench


def kind_of(examples: Examples) -> type[Problem]:
    """The problem that examples of this kind pose."""
    if isinstance(examples, Texts):
        from study.engine.problems.classify import Classify

        return Classify
    if isinstance(examples, Documents):
        from study.engine.problems.extract import Extract

        return Extract
    if isinstance(examples, Graph):
        from study.engine.problems.nodes import Nodes

        return Nodes
    if isinstance(examples, Pairs):
        from study.engine.problems.generate import Generate

        return Generate
    raise TypeError(f"no problem is posed by {type(examples).__name__}")


def make(bench: Workbench, model: ModelConfig, lowest: int, cached: bool = True) -> Problem:
    """The bench's problem, read by that model of which the blocks below `lowest` are frozen."""
    return kind_of(bench.data.examples)(bench, model, lowest, cached)
