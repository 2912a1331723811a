"""What each searched key does to the gain, alone and beside another: effects over all trials, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from study.core.surface.comparable_means import comparable_means
from study.core.surface.knob_design import Design, Part, design_of
from study.core.surface.knobs import Knob
from study.core.surface.mixed_model import draw_effects

FEWEST = 8  # trials from which a surface is told


@dataclass(frozen=True)
class Share:
    """A part of the variance of the gains between trials, with its interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class MainEffect:
    """The gain at each of a knob's `shown` values [V] less the average one, over what the others were beside it.

    `mean`, `low` and `high` are [V]; `apart` is the same of the trials without the key, None where all have it. `draws`
    [S, V] are effects that may be true, all values of a draw together.
    """

    knob: Knob
    values: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    apart: Share | None
    draws: np.ndarray

    def difference(self, one: int, other: int) -> tuple[float, float]:
        """The gain at the value of place `one` less that at `other`, and its standard error."""
        between = self.draws[:, one] - self.draws[:, other]
        return float(between.mean()), float(between.std(ddof=1))


@dataclass(frozen=True)
class Interaction:
    """Two knobs together: the gain [V, W] at each pair of their values over what the other knobs were.

    `mean` and `sd` are of the whole gain, `beyond` and `beyond_sd` of what the pair adds to its two main effects;
    `share` is that addition's part of the variance.
    """

    first: Knob
    second: Knob
    mean: np.ndarray
    sd: np.ndarray
    beyond: np.ndarray
    beyond_sd: np.ndarray
    share: Share


@dataclass(frozen=True)
class Surface:
    """The effects of all knobs in their order, of all pairs, and what part of the variance each knob explains.

    `level` is the average gain with its interval; a knob's importance is the share of its main effect and half of that
    of its interactions, `unexplained` is what no knob explains: noise, and repetition of the same configuration.
    """

    level: Share
    effects: tuple[MainEffect, ...]
    interactions: tuple[Interaction, ...]
    importances: dict[str, Share]
    unexplained: Share

    def effect(self, key: str) -> MainEffect:
        """The main effect of a knob's key."""
        return next(effect for effect in self.effects if effect.knob.key == key)

    def interaction(self, first: str, second: str) -> Interaction:
        """The interaction of two keys, in the knobs' order."""
        return next(pair for pair in self.interactions if (pair.first.key, pair.second.key) == (first, second))


def surface(
    knobs: Sequence[Knob], gains: np.ndarray, errors: np.ndarray | None = None, confidence: float = 0.95,
    count: int = 800, seed: int = 0,
) -> Surface | None:  # fmt: skip
    """The effects of `knobs` on `gains`, higher is better; None for fewer than eight trials, equal gains or no knob.

    `gains` are [C, F] by trial and fold, NaN where a fold was not trained, or means [C]; `errors` [C] are the means'
    standard errors where they are known from more than the trial's own folds. The same arguments give the same effects.
    """
    if not knobs or len(gains) < FEWEST:
        return None
    means = comparable_means(np.asarray(gains, float), errors)
    if np.ptp(means.gains) == 0:
        return None
    design = design_of(knobs)
    draws = draw_effects(design.columns, *design.groups, means.gains, means.precisions, means.error, count, seed)
    reading = _Reading(design, draws.level, draws.weights, (1 - confidence) / 2)
    shares, unexplained = reading.shares(means.gains)
    importances = {
        knob.key: reading.share(np.sum([share / len(part) for part, share in shares.items() if i in part], axis=0))
        for i, knob in enumerate(knobs)
    }
    return Surface(
        reading.share(reading.average),
        tuple(reading.effect(i) for i in range(len(knobs))),
        tuple(reading.interaction(part, shares[part]) for part in design.parts if len(part) == 2),
        importances,
        reading.share(unexplained),
    )


@dataclass(frozen=True)
class _Reading:
    """What draws of the shared `level` [S] and the columns' `weights` [S, P] say; an interval leaves out two tails."""

    design: Design
    level: np.ndarray
    weights: np.ndarray
    tail: float

    def share(self, draws: np.ndarray) -> Share:
        """The mean of draws [S] and their interval."""
        low, high = np.quantile(draws, [self.tail, 1 - self.tail])
        return Share(float(np.mean(draws)), float(low), float(high))

    @cached_property
    def average(self) -> np.ndarray:
        """The average gain of the trials [S]."""
        return np.asarray(self.level + self.weights @ self.design.columns.mean(0))

    def effect(self, i: int) -> MainEffect:
        """The main effect of the knob at place i."""
        knob = self.design.knobs[i]
        rows = self.design.rows({i: self.design.bases[i].shown}, knob.there)
        draws = self._gains(rows) - self.average[:, None]
        low, high = np.quantile(draws, [self.tail, 1 - self.tail], axis=0)
        apart = None
        if knob.apart:
            without = self.design.columns[~knob.there].mean(0, keepdims=True)
            apart = self.share(self._gains(without)[:, 0] - self.average)
        return MainEffect(knob, knob.shown, draws.mean(0), low, high, apart, draws)

    def interaction(self, part: Part, share: np.ndarray) -> Interaction:
        """What two knobs do together, of whose variance the draws of the share are given."""
        (i, one), (j, other) = ((place, self.design.knobs[place]) for place in part)
        shape = (len(one.shown), len(other.shown))
        a, b = np.indices(shape).reshape(2, -1)
        fixed = {i: self.design.bases[i].shown[a], j: self.design.bases[j].shown[b]}
        rows = self.design.rows(fixed, one.there & other.there)
        place = self.design.places[part]
        whole, beyond = self._gains(rows), self.weights[:, place] @ rows[:, place].T
        tables = [table.reshape(shape) for draws in (whole, beyond) for table in (draws.mean(0), draws.std(0))]
        return Interaction(one, other, tables[0], tables[1], tables[2], tables[3], self.share(share))

    def shares(self, gains: np.ndarray) -> tuple[dict[Part, np.ndarray], np.ndarray]:
        """What part of the variance of `gains` between trials each part has in each draw [S], and what is left."""
        variances = {
            part: _variance(piece, self.weights[:, self.design.places[part]])
            for part, piece in self.design.pieces.items()
        }
        less = np.full((len(self.weights), 1), -1.0)
        left = _variance(np.column_stack([self.design.columns, gains]), np.column_stack([self.weights, less]))
        whole = left + sum(variances.values())
        return {part: variance / whole for part, variance in variances.items()}, left / whole

    def _gains(self, rows: np.ndarray) -> np.ndarray:
        """The gains [S, n] at rows of the design [n, P]."""
        return np.asarray(self.level[:, None] + self.weights @ rows.T)


def _variance(columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The variance over trials of `columns` [C, p] weighted by each draw of `weights` [S, p]: [S]."""
    spread = np.atleast_2d(np.cov(columns, rowvar=False, bias=True))
    return np.asarray(np.maximum(((weights @ spread) * weights).sum(1), 0.0))
