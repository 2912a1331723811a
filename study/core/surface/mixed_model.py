"""A normal model whose groups of weights have unknown variances: draws from all that it may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.core.threads import one_thread

WARM_UP = 200
WIDE = 100.0  # prior variance of what all targets share
LEAST = 0.01  # of the targets' standard deviation: noise is guessed to be no smaller
DOUBT = 3.0  # degrees of freedom by which the noise is thought to be known beforehand


@dataclass(frozen=True)
class Draws:
    """S draws: the `level` [S] of all targets, the columns' `weights` [S, p], the `noise`'s standard deviation [S]."""

    level: np.ndarray
    weights: np.ndarray
    noise: np.ndarray


def draw_effects(
    design: np.ndarray, groups: np.ndarray, scales: np.ndarray, targets: np.ndarray, precisions: np.ndarray,
    noise: float, count: int = 800, seed: int = 0,
) -> Draws:  # fmt: skip
    """Draw what may have made `targets` [C] of `design` [C, p], whose columns' `groups` [p] count from 0.

    The weights of a group are normal around zero; their standard deviation is half-Cauchy, with the group's scale in
    `scales` [G] (of the targets' standard deviation), so that a group without effect shrinks away and none is cut off.
    `precisions` [C] are relative; `noise` is a guess at the standard deviation of a target of precision one, held with
    the doubt of three degrees of freedom. No variance is a point estimate: all are drawn with the weights (Gibbs, with
    the expanded parameters of Gelman 2006, which mix where a variance is near 0).
    """
    import scipy.linalg  # noqa: F401  whose threads are limited too once it is there

    rng = np.random.default_rng(seed)
    sd, centre = float(targets.std()) or 1.0, float(targets.mean())
    root = np.sqrt(precisions)
    rows = np.column_stack([np.ones(len(targets)), design]) * root[:, None]
    state = _Gibbs(rows, groups, scales, (targets - centre) / sd * root, max(noise / sd, LEAST) ** 2, rng)
    with one_thread():
        kept = [state.step() for _ in range(WARM_UP + count)][WARM_UP:]
    weights = np.array([weights for weights, _ in kept]) * sd
    return Draws(centre + weights[:, 0], weights[:, 1:], np.sqrt([variance for _, variance in kept]) * sd)


class _Gibbs:
    """The chain's state: weight = stretch of its group × part, and each part's and the noise's variance."""

    def __init__(
        self,
        rows: np.ndarray,
        groups: np.ndarray,
        scales: np.ndarray,
        targets: np.ndarray,
        noise: float,
        rng: np.random.Generator,
    ) -> None:
        self.rows, self.targets, self.rng, self.guess = rows, targets, rng, noise
        self.products, self.toward, self.squares = rows.T @ rows, rows.T @ targets, float(targets @ targets)
        self.group, self.number, self.scale = groups, len(scales), scales
        self.sizes = np.bincount(groups, minlength=self.number)
        # Column 0 is what all share and no group's; the others belong to the group of their place.
        self.belongs = np.zeros((len(groups) + 1, self.number))
        self.belongs[np.arange(1, len(groups) + 1), groups] = 1
        self.stretch, self.variance, self.noise = scales.copy(), np.ones(self.number), noise

    def step(self) -> tuple[np.ndarray, float]:
        """One sweep through all that is unknown: weights [1 + p], the shared level first, and the noise's variance."""
        scale = np.concatenate([[1.0], self.stretch[self.group]])
        prior = np.concatenate([[1 / WIDE], 1 / self.variance[self.group]])
        parts = self._normal(self.products * np.outer(scale, scale), self.toward * scale, prior)
        squares = np.bincount(self.group, parts[1:] ** 2, self.number)
        self.variance = (0.5 + squares / 2) / self.rng.gamma((1 + self.sizes) / 2)
        self._draw_stretch(parts)
        weights = parts * np.concatenate([[1.0], self.stretch[self.group]])
        left = self.squares - 2 * weights @ self.toward + weights @ self.products @ weights
        shape = (DOUBT + len(self.targets)) / 2
        self.noise = float((DOUBT * self.guess + max(left, 0.0)) / 2 / self.rng.gamma(shape))
        return weights, self.noise

    def _draw_stretch(self, parts: np.ndarray) -> None:
        gather = self.belongs * parts[:, None]
        toward = gather.T @ (self.toward - self.products[:, 0] * parts[0])
        self.stretch = self._normal(gather.T @ self.products @ gather, toward, 1 / self.scale**2)

    def _normal(self, products: np.ndarray, toward: np.ndarray, prior: np.ndarray) -> np.ndarray:
        """A draw of coefficients whose precision is products / noise + prior, around their mean."""
        from scipy.linalg import cholesky, solve_triangular

        upper = cholesky(products / self.noise + np.diag(prior), check_finite=False)
        half = solve_triangular(upper, toward / self.noise, trans="T", check_finite=False)
        drawn: np.ndarray = solve_triangular(upper, half + self.rng.normal(size=len(toward)), check_finite=False)
        return drawn
