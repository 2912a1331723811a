"""What the true gains may be, given the scores: draws of a hierarchical model whose spreads are integrated over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.core.evidence.sources import Estimates
from study.core.threads import one_thread

SCALES, SPREADS = 9, 48
APART = np.array([1.0, 0.01, 0.0001])  # 1 − ρ, all as likely beforehand


@one_thread()
def draw(estimates: Estimates, count: int = 4000, seed: int = 0) -> np.ndarray:
    """Draws [count, C] of the true gains; NaN where nothing measures the error (`freedom` 0).

    means ~ N(gains, examples + trainings), gains ~ N(μ, τ² ((1 − ρ) I + ρ S²)) with a flat μ and a half-Cauchy τ
    (Gelman 2006), the rest's mean square by its scaled inverse χ². S, the examples' covariance of differences, says how
    unlike the answers are: two configurations that answer d of n examples otherwise can differ by d/n, with an error of
    √d/n, so that the square of S is a scale for gains. S² is scaled to a mean of 1: it changes nothing where all are
    equally unlike. Without it, many that answer alike would prove a τ near zero, and a difference that all of them
    share against the others would be shrunk away.

    τ, ρ and the error are integrated on a grid, never plugged in: a plug-in covers too little, least where nothing
    differs. Outsiders, which a robust test finds (a head at 0.5 below a plateau at 0.85), have a flat prior of their
    own and do not widen τ for the others.
    """
    generator = np.random.default_rng(seed)
    rows = len(estimates.means)
    if not estimates.freedom:
        return np.full((count, rows), np.nan)
    near = contenders(estimates)
    cells = [_slice(estimates, near, scale) for scale in _scales(estimates.freedom)]
    logs = np.concatenate([cell.logs() for cell in cells])
    weights = np.exp(logs - logs.max())
    picks = generator.multinomial(count, weights / weights.sum()).reshape(len(cells), -1)
    drawn = [cell.draw(picked, generator) for cell, picked in zip(cells, picks, strict=True)]
    draws: np.ndarray = generator.permutation(np.concatenate(drawn))
    return draws


def _scales(freedom: int) -> np.ndarray:
    """Equally probable values of true mean square / measured mean square, by the scaled inverse χ²."""
    from scipy.special import chdtri

    tails = (np.arange(SCALES) + 0.5) / SCALES
    scales: np.ndarray = freedom / chdtri(freedom, tails)
    return scales


def contenders(estimates: Estimates) -> np.ndarray:
    """Which configurations [C] lie where most do: the others, at a Bonferroni level of 1 %, are outsiders.

    The scale is the median absolute deviation, never below the error itself, so that in a study of noise nobody is an
    outsider; fewer than five configurations have none either.
    """
    from scipy.special import ndtri

    means, rows = estimates.means, len(estimates.means)
    if rows < 5:
        return np.ones(rows, bool)
    error = float(np.sqrt(np.median(contrast_variance(estimates.covariance))))
    away = np.abs(means - np.median(means))
    scale = max(error, 1.4826 * float(np.median(away)))
    return np.asarray(away <= -ndtri(0.005 / rows) * scale)


def contrast_variance(covariance: np.ndarray) -> np.ndarray:
    """The variance [C] of each configuration's distance from the mean of all."""
    shared = covariance.mean(axis=0)
    return np.asarray(np.maximum(np.diag(covariance) - 2 * shared + shared.mean(), 0))


@dataclass(frozen=True)
class _Slice:
    """The model at one size of the error: contenders in the axes of their covariance, one cell a pair of τ and ρ."""

    means: np.ndarray  # [C]
    near: np.ndarray  # [C]
    axes: np.ndarray  # [K, K] of the K contenders' covariance
    values: np.ndarray  # [K]
    follow: np.ndarray  # [C − K, K]: how an outsider's error follows the contenders'
    remain: np.ndarray  # [C − K, C − K]: the symmetric root of what remains of it
    squares: np.ndarray  # [T, K]: the prior's variance along each axis, in each cell
    prior: np.ndarray  # [T]: the logarithm of each cell's probability beforehand

    def logs(self) -> np.ndarray:
        """The logarithm [T] of each cell's probability, up to a constant."""
        turned, ones = self._in_axes()
        total, precision, center = self._pool(self.squares)
        off = ((turned - center[:, None] * ones) ** 2 / total).sum(axis=1)
        logs: np.ndarray = self.prior - (np.log(total).sum(axis=1) + off + np.log(precision)) / 2
        return logs

    def draw(self, picked: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """The gains [Σ picked, C] of as many draws of each cell as `picked` [T] says."""
        turned, ones = self._in_axes()
        square = np.repeat(self.squares, picked, axis=0)
        total, precision, center = self._pool(square)
        center = (center + generator.standard_normal(len(center)) / np.sqrt(precision))[:, None] * ones
        gains = center + square / total * (turned - center)
        # Drawn for the configurations and turned into the axes, whose signs and order are any CPU's own.
        gains += np.sqrt(square * self.values / total) * (generator.standard_normal(gains.shape) @ self.axes)
        draws = np.empty((len(gains), len(self.means)))
        near = gains @ self.axes.T
        errors = (self.means[self.near] - near) @ self.follow.T
        errors += generator.standard_normal(errors.shape) @ self.remain.T
        draws[:, self.near], draws[:, ~self.near] = near, self.means[~self.near] - errors
        return draws

    def _in_axes(self) -> tuple[np.ndarray, np.ndarray]:
        """The contenders' means and the ones [K], in the axes."""
        return self.means[self.near] @ self.axes, self.axes.sum(axis=0)

    def _pool(self, square: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """At the prior's variances [n, K]: the whole ones [n, K], and the precision and the value of their mean [n]."""
        turned, ones = self._in_axes()
        total = self.values + square
        precision = (ones**2 / total).sum(axis=1)
        return total, precision, (ones * turned / total).sum(axis=1) / precision


def _slice(estimates: Estimates, near: np.ndarray, scale: float) -> _Slice:
    """The model with the rest's mean square `scale` times as large as measured."""
    covariance = estimates.redrawn(scale)
    tiny = 1e-12 + 1e-9 * float(np.trace(covariance)) / len(covariance)
    values, axes = np.linalg.eigh(covariance[np.ix_(near, near)])
    values = np.maximum(values, tiny)
    across = covariance[np.ix_(~near, near)]
    follow = (across @ axes / values) @ axes.T
    left_values, left_axes = np.linalg.eigh(covariance[np.ix_(~near, ~near)] - follow @ across.T)
    remain = (left_axes * np.sqrt(np.maximum(left_values, 0))) @ left_axes.T
    unlike = _unlikeness(estimates.examples[np.ix_(near, near)], axes)
    apart = np.median(contrast_variance(covariance[np.ix_(near, near)]))
    error = np.sqrt(max(float(apart), tiny) * len(axes) / max(len(axes) - 1, 1))  # of one, were all independent
    squares, prior = _cells(float(error), unlike, float(np.ptp(estimates.means[near])))
    return _Slice(estimates.means, near, axes, values, follow, remain, squares, prior)


def _unlikeness(examples: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """S² along each of the axes [K, K], K numbers; 1 everywhere where no answers differ."""
    across = axes - axes.mean(axis=0)  # what all configurations have in common is no difference
    along = (across * (examples @ across)).sum(axis=0)
    along[along < 1e-9 * np.trace(examples)] = 0.0  # rounding errors of what all have in common
    square = along**2
    return np.asarray(square * (len(square) - 1) / square.sum() if square.any() else np.ones(len(square)))


def _cells(error: float, unlike: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """The prior's variances [T, K] and log probabilities [T] of a grid of τ, in logarithmic steps, and ρ."""
    spreads = np.geomspace(0.03 * error, 3 * max(error, width), SPREADS)
    tau, apart = (grid.ravel() for grid in np.meshgrid(spreads, APART, indexing="ij"))
    prior = np.log(tau) - np.log(error**2 + tau**2)
    return tau[:, None] ** 2 * (apart[:, None] + (1 - apart[:, None]) * unlike), prior
