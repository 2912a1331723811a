"""Draws of what all assignments may be worth, from the effects of keys that those tried have shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from study.core.surface.comparable_means import comparable_means
from study.core.surface.knob_design import design_of
from study.core.surface.knobs import knobs_of
from study.core.surface.mixed_model import draw_effects

if TYPE_CHECKING:
    from study.config.space import Space
    from study.search.surface.candidates import Assigned

ABSENT = "None"  # what knobs know a key by that a row does not have


class EffectModel:
    """The effects of all keys, alone and in pairs, as the report draws them (study/core/surface).

    Its prior averages over all `rows`, tried or not, so that it does not depend on what happened to be tried.
    """

    def __init__(self, space: Space, rows: Sequence[Assigned], seed: int) -> None:
        columns = {key: [row.get(key, ABSENT) for row in rows] for key in space.distributions}
        logarithmic = {key: "log" for key, d in space.distributions.items() if getattr(d, "log", False)}
        knobs = knobs_of(columns, logarithmic)
        self.seed, self.design = seed, design_of(knobs) if knobs else None

    def draw(self, targets: np.ndarray, count: int) -> np.ndarray:
        """Draws [count, n] of what each row's target may truly be, of which the first rows' `targets` were seen."""
        if self.design is None or np.ptp(targets) == 0:
            return np.full((count, 1), targets.mean())
        columns, (groups, scales) = self.design.columns, self.design.groups
        means = comparable_means(targets)
        drawn = draw_effects(
            columns[: len(targets)], groups, scales, means.gains, means.precisions, means.error, count, self.seed
        )
        return np.asarray(drawn.level[:, None] + drawn.weights @ columns.T)
