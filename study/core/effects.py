"""What each searched key does to the gain, alone and beside another: effects over all trials, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import numpy as np

from study.core.basis import ABSENCE, CURVE, TREND, Basis, basis_of, crossing
from study.core.knobs import Knob
from study.core.mixed_model import Draws, draw

GUESS = 0.3  # of the gains' standard deviation: the error of a mean of which nothing is known
SCALES = {TREND: 0.5, CURVE: 0.3, ABSENCE: 0.5}
CROSSED_SCALE = 0.15
TURNS = 20
FEWEST = 8  # trials from which a surface is told


@dataclass(frozen=True)
class Share:
    """A part of the variance of the gains between trials, with its interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class MainEffect:
    """The gain at each of a knob's `shown` values [V] less the average one, over what the other knobs were.

    `mean`, `low` and `high` are [V]; `apart` is the same for trials without the key, None where all have it. `draws`
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
    targets, precisions, noise = _targets(gains, errors)
    if np.ptp(targets) == 0:
        return None
    bases = [basis_of(knob) for knob in knobs]
    pairs = list(combinations(range(len(knobs)), 2))
    crossed = [crossing(bases[i], bases[j]) for i, j in pairs]
    groups: list[tuple[int, object]] = [(i, str(f)) for i, basis in enumerate(bases) for f in basis.groups]
    groups += [pair for pair, (columns, _) in zip(pairs, crossed, strict=True) for _ in range(columns.shape[1])]
    places = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    scales = np.array([SCALES.get(group[1], CROSSED_SCALE) for group in places])
    design = np.column_stack([*(basis.trials for basis in bases), *(columns for columns, _ in crossed)])
    draws = draw(design, np.array([places[group] for group in groups]), scales, targets, precisions, noise, count, seed)
    parts = _parts(bases, pairs, crossed, draws)
    shares, unexplained = _shares(parts, targets)
    tail = (1 - confidence) / 2
    effects = tuple(_effect(knobs[i], bases[i], parts[i,].weights, tail) for i in range(len(knobs)))
    together = tuple(
        _interaction((effects[i], effects[j]), (bases[i], bases[j]), parts[i, j], draws.level, shares[i, j], tail)
        for i, j in pairs
    )
    importances = {
        knob.key: _share(sum(shares[part] / len(part) for part in parts if i in part), tail)
        for i, knob in enumerate(knobs)
    }
    return Surface(_share(draws.level, tail), effects, together, importances, _share(unexplained, tail))


@dataclass(frozen=True)
class _Part:
    """What one knob or one pair adds: its `columns` [C, p], draws of their `weights` [S, p], and what divided them."""

    columns: np.ndarray
    weights: np.ndarray
    size: float = 1.0


Parts = dict[tuple[int, ...], _Part]


def _targets(gains: np.ndarray, errors: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, float]:
    """A mean [C] a trial without its folds' ease, its relative precision [C], and a guess at the mean's error."""
    gains = np.asarray(gains, float)
    rest = np.nan
    counts = np.ones(len(gains))
    if gains.ndim == 2:
        gains, counts, rest = _without_folds(gains)
    if errors is not None:
        usual = float(np.median(errors))
        return gains, (usual / errors) ** 2, usual
    return gains, counts / counts.max(), rest if rest > 0 else GUESS * float(gains.std())


def _without_folds(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Means [C] that trials of other folds are comparable by, how many folds each has, and the error of a full mean.

    Trial and fold are taken out in turn until both have settled, as least squares do.
    """
    folds = np.zeros(scores.shape[1])
    for _ in range(TURNS):
        means = np.nanmean(scores - folds, 1)
        folds = np.nanmean(scores - means[:, None], 0)
        folds -= folds.mean()
    counts = (~np.isnan(scores)).sum(1)
    free = counts.sum() - sum(scores.shape) + 1
    left = float(np.nansum((scores - folds - means[:, None]) ** 2))
    return means, counts, sqrt(left / free / counts.max()) if free > 0 else np.nan


def _parts(
    bases: Sequence[Basis], pairs: Sequence[tuple[int, int]], crossed: Sequence[tuple[np.ndarray, float]], draws: Draws
) -> Parts:
    """The draws apart by knob (i,) and pair (i, j), in the design's order."""
    parts: Parts = {}
    place = 0
    singles = [((i,), basis.trials, 1.0) for i, basis in enumerate(bases)]
    for part, columns, size in [*singles, *((pair, *made) for pair, made in zip(pairs, crossed, strict=True))]:
        parts[part] = _Part(columns, draws.weights[:, place : place + columns.shape[1]], size)
        place += columns.shape[1]
    return parts


def _shares(parts: Parts, targets: np.ndarray) -> tuple[dict[tuple[int, ...], np.ndarray], np.ndarray]:
    """What part of the variance between trials each knob and pair has in each draw [S], and what is left."""
    variances = {part: _variance(made.columns, made.weights) for part, made in parts.items()}
    columns = np.column_stack([*(made.columns for made in parts.values()), targets])
    ends = np.full((len(next(iter(variances.values()))), 1), -1.0)
    left = _variance(columns, np.column_stack([*(made.weights for made in parts.values()), ends]))
    whole = left + sum(variances.values())
    return {part: variance / whole for part, variance in variances.items()}, left / whole


def _variance(columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The variance over trials of `columns` [C, p] weighted by each draw of `weights` [S, p]: [S]."""
    spread = np.atleast_2d(np.cov(columns, rowvar=False, bias=True))
    variance: np.ndarray = ((weights @ spread) * weights).sum(1)
    return np.maximum(variance, 0.0)


def _effect(knob: Knob, basis: Basis, weights: np.ndarray, tail: float) -> MainEffect:
    draws = weights @ basis.shown.T
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    apart = _share(weights @ basis.apart, tail) if knob.apart else None
    return MainEffect(knob, knob.shown, draws.mean(0), low, high, apart, draws)


def _interaction(
    effects: tuple[MainEffect, MainEffect], bases: tuple[Basis, Basis], part: _Part, level: np.ndarray,
    share: np.ndarray, tail: float,
) -> Interaction:  # fmt: skip
    one, other = (basis.shown[:, basis.crossed] for basis in bases)
    places = np.indices((len(one), len(other))).reshape(2, -1)
    products = (one[places[0], :, None] * other[places[1], None, :]).reshape(places.shape[1], -1) / part.size
    beyond = part.weights @ products.T
    shape = (len(beyond), len(one), len(other))
    beyond = beyond.reshape(shape)
    whole = level[:, None, None] + effects[0].draws[:, :, None] + effects[1].draws[:, None, :] + beyond
    return Interaction(
        effects[0].knob,
        effects[1].knob,
        whole.mean(0),
        whole.std(0),
        beyond.mean(0),
        beyond.std(0),
        _share(share, tail),
    )


def _share(draws: np.ndarray, tail: float) -> Share:
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Share(float(np.mean(draws)), float(low), float(high))
