"""What the true gains may be, given the scores: draws of a hierarchical model whose spreads are integrated over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.core.evidence.sources import Estimates

SCALES, SPREADS = 9, 64


def draw(estimates: Estimates, count: int = 4000, seed: int = 0) -> np.ndarray:
    """Draws [count, C] of the true gains; NaN where nothing measures the error (`freedom` 0).

    means ~ N(gains, examples + trainings), gains ~ N(μ, τ²) with a flat μ and a half-Cauchy τ (Gelman 2006), the
    rest's mean square by its scaled inverse χ². τ and the error are integrated on a grid, never plugged in: a plug-in
    covers too little, least where nothing differs. Outsiders, which a robust test finds (a head at 0.5
    below a plateau at 0.85), have a flat prior of their own and do not widen τ for the others.
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
    error = float(np.sqrt(np.median(_contrast_variance(estimates.covariance))))
    away = np.abs(means - np.median(means))
    scale = max(error, 1.4826 * float(np.median(away)))
    return np.asarray(away <= -ndtri(0.005 / rows) * scale)


def _contrast_variance(covariance: np.ndarray) -> np.ndarray:
    """The variance [C] of each configuration's distance from the mean of all."""
    shared = covariance.mean(axis=0)
    return np.asarray(np.maximum(np.diag(covariance) - 2 * shared + shared.mean(), 0))


@dataclass(frozen=True)
class _Slice:
    """The model at one size of the error: contenders in the axes of their covariance, one cell a spread τ."""

    means: np.ndarray  # [C]
    near: np.ndarray  # [C]
    axes: np.ndarray  # [K, K] of the K contenders' covariance
    values: np.ndarray  # [K]
    follow: np.ndarray  # [C − K, K]: how an outsider's error follows the contenders'
    remain: np.ndarray  # [C − K, C − K]: a root of what remains of it
    spreads: np.ndarray  # [T]

    def logs(self) -> np.ndarray:
        """The logarithm [T] of each cell's probability, up to a constant; the spreads' steps are logarithmic."""
        turned, ones = self._in_axes()
        total, precision, center = self._pool(self.spreads[:, None] ** 2)
        off = ((turned - center[:, None] * ones) ** 2 / total).sum(axis=1)
        prior = np.log(self.spreads) - np.log(self._typical() ** 2 + self.spreads**2)
        logs: np.ndarray = prior - (np.log(total).sum(axis=1) + off + np.log(precision)) / 2
        return logs

    def draw(self, picked: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """The gains [Σ picked, C] of as many draws of each spread as `picked` [T] says."""
        turned, ones = self._in_axes()
        square = np.repeat(self.spreads, picked)[:, None] ** 2
        total, precision, center = self._pool(square)
        center = (center + generator.standard_normal(len(center)) / np.sqrt(precision))[:, None] * ones
        gains = center + square / total * (turned - center)
        gains += np.sqrt(square * self.values / total) * generator.standard_normal(gains.shape)
        draws = np.empty((len(gains), len(self.means)))
        draws[:, self.near] = gains @ self.axes.T
        errors = (self.means - draws)[:, self.near] @ self.follow.T
        errors += generator.standard_normal(errors.shape) @ self.remain.T
        draws[:, ~self.near] = self.means[~self.near] - errors
        return draws

    def _in_axes(self) -> tuple[np.ndarray, np.ndarray]:
        """The contenders' means and the ones [K], in the axes."""
        return self.means[self.near] @ self.axes, self.axes.sum(axis=0)

    def _pool(self, square: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """At squared spreads [n, 1]: the whole variances [n, K], and the precision and the value of their mean [n]."""
        turned, ones = self._in_axes()
        total = self.values + square
        precision = (ones**2 / total).sum(axis=1)
        return total, precision, (ones * turned / total).sum(axis=1) / precision

    def _typical(self) -> float:
        """The half-Cauchy's scale: a typical error."""
        return float(np.sqrt(np.median(self.values)))


def _slice(estimates: Estimates, near: np.ndarray, scale: float) -> _Slice:
    """The model with the rest's mean square `scale` times as large as measured."""
    covariance = estimates.redrawn(scale)
    tiny = 1e-12 + 1e-9 * float(np.trace(covariance)) / len(covariance)
    values, axes = np.linalg.eigh(covariance[np.ix_(near, near)])
    values = np.maximum(values, tiny)
    across = covariance[np.ix_(~near, near)]
    follow = (across @ axes / values) @ axes.T
    left_values, left_axes = np.linalg.eigh(covariance[np.ix_(~near, ~near)] - follow @ across.T)
    typical = np.sqrt(np.median(values))
    widest = 3 * max(typical, float(np.ptp(estimates.means[near])))
    return _Slice(
        estimates.means, near, axes, values, follow, left_axes * np.sqrt(np.maximum(left_values, 0)),
        np.geomspace(0.03 * typical, widest, SPREADS),
    )  # fmt: skip
