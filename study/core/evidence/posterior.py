"""What the true gains may be, given the scores: draws of a hierarchical model whose spreads are integrated over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from study.core.evidence.sources import Estimates
from study.core.threads import one_thread

SCALES, FEW_SCALES, SPREADS = 9, 3, 48
MANY = 300  # degrees of freedom from which the error is known so well that few sizes of it tell as much
APART = (1.0, 0.01, 0.0001)  # 1 − ρ, all as likely beforehand


@one_thread()
def draw(estimates: Estimates, count: int = 4000, seed: int = 0) -> np.ndarray:
    """Draws [count, C] of the true gains; NaN where nothing measures the error (`freedom` 0).

    means ~ N(gains, examples + trainings), gains ~ N(μ, τ² ((1 − ρ) I + ρ S²)) with a flat μ and a half-Cauchy τ
    (Gelman 2006), the rest's mean square by its scaled inverse χ². S says how unlike the answers are that both of two
    gave (:func:`likeness`): two configurations that answer d of n examples otherwise can differ by d/n, with an error
    of √d/n, so that the square of S is a scale for gains. It changes nothing where all are equally unlike. Without it,
    many that answer alike would prove a τ near zero, and a difference that all of them share against the others would
    be shrunk away.

    τ, ρ and the error are integrated on a grid, never plugged in: a plug-in covers too little, least where nothing
    differs. Outsiders, which a robust test finds (a head at 0.5 below a plateau at 0.85), have a flat prior of their
    own and do not widen τ for the others.
    """
    generator = np.random.default_rng(seed)
    rows = len(estimates.means)
    if not estimates.freedom:
        return np.full((count, rows), np.nan)
    near = contenders(estimates)
    alike = likeness(estimates.pairs.unlike[np.ix_(near, near)])
    kernels = [apart * np.eye(len(alike)) + (1 - apart) * alike for apart in APART]
    errors = [_errors(estimates, near, scale) for scale in _scales(estimates.freedom)]
    cells = [_slice(estimates.means, error, kernel) for error in errors for kernel in kernels]
    logs = np.concatenate([cell.logs() for cell in cells])
    weights = np.exp(logs - logs.max())
    picks = generator.multinomial(count, weights / weights.sum()).reshape(len(cells), -1)
    drawn = [cell.draw(picked, generator) for cell, picked in zip(cells, picks, strict=True)]
    draws: np.ndarray = generator.permutation(np.concatenate(drawn))
    return draws


def _scales(freedom: int) -> np.ndarray:
    """Equally probable values of true mean square / measured mean square, by the scaled inverse χ²."""
    from scipy.special import chdtri

    count = SCALES if freedom < MANY else FEW_SCALES
    tails = (np.arange(count) + 0.5) / count
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


def likeness(unlike: np.ndarray) -> np.ndarray:
    """S² [K, K], scaled to a mean of 1, of the covariance S of a process whose squared distances are `unlike` [K, K];
    where no answers differ, that of independent ones."""
    centered = unlike - unlike.mean(axis=0)
    process = (centered.mean(axis=1, keepdims=True) - centered) / 2
    square = process @ process
    size = np.trace(square)
    return np.asarray(square * (len(square) - 1) / size if size else np.eye(len(square)))


@dataclass(frozen=True)
class _Errors:
    """How the means may be wrong at one size of the error, that of the K contenders apart from the outsiders'."""

    near: np.ndarray  # [C]
    root: np.ndarray  # [K, K]: the Cholesky factor of the contenders' covariance
    white: np.ndarray  # [K, K]: its inverse, which makes their errors independent, with variance 1
    follow: np.ndarray  # [C − K, K]: how an outsider's error follows the contenders'
    remain: np.ndarray  # [C − K, C − K]: the symmetric root of what remains of it
    single: float  # the error of one contender, were all independent


def _errors(estimates: Estimates, near: np.ndarray, scale: float) -> _Errors:
    """The errors with the rest's mean square `scale` times as large as measured."""
    from scipy.linalg import solve_triangular

    covariance = estimates.redrawn(scale)
    tiny = 1e-12 + 1e-9 * float(np.trace(covariance)) / len(covariance)
    inner, across = covariance[np.ix_(near, near)], covariance[np.ix_(~near, near)]
    inner = inner + tiny * np.eye(len(inner))
    follow = np.linalg.solve(inner, across.T).T
    values, axes = np.linalg.eigh(covariance[np.ix_(~near, ~near)] - follow @ across.T)
    remain = (axes * np.sqrt(np.maximum(values, 0))) @ axes.T
    apart = max(float(np.median(contrast_variance(inner))), tiny)
    single = np.sqrt(apart * len(inner) / max(len(inner) - 1, 1))
    root = np.linalg.cholesky(inner)
    return _Errors(near, root, solve_triangular(root, np.eye(len(root)), lower=True), follow, remain, float(single))


@dataclass(frozen=True)
class _Slice:
    """The model at one size of the error and one ρ, a cell for each τ.

    The contenders are turned into axes along which their errors are independent with variance 1, and so are their gains
    with the prior variance τ² · `spread`.
    """

    means: np.ndarray  # [C]
    errors: _Errors
    axes: np.ndarray  # [K, K], of the contenders whose errors are made independent
    spread: np.ndarray  # [K]
    squares: np.ndarray  # [T]: τ² in each cell
    prior: np.ndarray  # [T]: the logarithm of each cell's probability beforehand

    def logs(self) -> np.ndarray:
        """The logarithm [T] of each cell's probability, up to a constant."""
        turned, ones = self._in_axes
        total, precision, center = self._pool(self.squares)
        off = ((turned - center[:, None] * ones) ** 2 / total).sum(axis=1)
        size = np.log(total).sum(axis=1) + 2 * np.log(np.diag(self.errors.root)).sum()
        logs: np.ndarray = self.prior - (size + off + np.log(precision)) / 2
        return logs

    def draw(self, picked: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """The gains [Σ picked, C] of as many draws of each cell as `picked` [T] says."""
        turned, ones = self._in_axes
        total, precision, center = self._pool(np.repeat(self.squares, picked))
        center = (center + generator.standard_normal(len(center)) / np.sqrt(precision))[:, None] * ones
        gains = center + (1 - 1 / total) * (turned - center)
        # Drawn for the configurations and turned into the axes, whose signs and order are any CPU's own.
        gains += np.sqrt(1 - 1 / total) * (generator.standard_normal(gains.shape) @ self.axes)
        draws, near = np.empty((len(gains), len(self.means))), self.errors.near
        draws[:, near] = gains @ (self.errors.root @ self.axes).T
        errors = (self.means[near] - draws[:, near]) @ self.errors.follow.T
        errors += generator.standard_normal(errors.shape) @ self.errors.remain.T
        draws[:, ~near] = self.means[~near] - errors
        return draws

    @cached_property
    def _in_axes(self) -> tuple[np.ndarray, np.ndarray]:
        """The contenders' means and the ones [K], in the axes."""
        both = np.column_stack([self.means[self.errors.near], np.ones(len(self.axes))])
        turned, ones = (self.axes.T @ (self.errors.white @ both)).T
        return turned, ones

    def _pool(self, square: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """At τ² [n]: the whole variances [n, K] along the axes, and the precision and the value of their mean [n]."""
        turned, ones = self._in_axes
        total = 1 + square[:, None] * self.spread
        precision = (ones**2 / total).sum(axis=1)
        return total, precision, (ones * turned / total).sum(axis=1) / precision


def _slice(means: np.ndarray, errors: _Errors, kernel: np.ndarray) -> _Slice:
    """The model with that prior covariance [K, K] of the contenders' gains, but for τ²."""
    turned = errors.white @ kernel @ errors.white.T
    spread, axes = np.linalg.eigh((turned + turned.T) / 2)
    squares, prior = _cells(errors.single, float(np.ptp(means[errors.near])))
    return _Slice(means, errors, axes, np.maximum(spread, 0), squares, prior)


def _cells(error: float, width: float) -> tuple[np.ndarray, np.ndarray]:
    """The squares [T] of a grid of τ, in logarithmic steps, and the logarithm [T] of its probabilities beforehand."""
    tau = np.geomspace(0.03 * error, 3 * max(error, width), SPREADS)
    return tau**2, np.log(tau) - np.log(error**2 + tau**2)
