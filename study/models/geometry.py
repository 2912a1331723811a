"""A model's looks before its weights are there."""

from __future__ import annotations

from dataclasses import dataclass

from study.models.targets import LinearSite, stack_depths


@dataclass(frozen=True)
class Tables:
    """How many token ids and positions one stack of a model can look up; None where nothing bounds them.

    `part` is encoder or decoder, "" where there is one stack. Rotary and relative positions are computed, not looked
    up, so that a model that has these alone has no bound.
    """

    part: str
    tokens: int | None
    positions: int | None


@dataclass(frozen=True)
class Geometry:
    """A model's linear layers, its blocks, its parameters and its tables.

    `tables` say what it can look up of what it reads; a graph network looks up nothing. `hidden` is the width of the
    states that a head reads.
    """

    sites: tuple[LinearSite, ...]
    layers: int
    parameters: int
    tables: tuple[Tables, ...] = ()
    hidden: int = 0

    def height(self, site: LinearSite) -> int:
        """The index of the layer's block, those of a decoder counted on from those of its encoder."""
        return site.layer + (stack_depths(self.sites).get("encoder", 0) if site.stack == "decoder" else 0)
