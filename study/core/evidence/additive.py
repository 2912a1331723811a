"""Scores as configuration + fold + rest, by least squares, with folds that some configurations never trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Additive:
    """The fit on the cells `trained` [C, F], each row weighted by `weight` [C]; `inverse` is that of its equations."""

    trained: np.ndarray
    weight: np.ndarray
    inverse: np.ndarray
    freedom: int

    def coefficients(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What configurations [C, …] and folds [F, …] add, of cells [C, F, …]; those not trained are not read."""
        weights = self.trained * self.weight[:, None]
        weighted = np.where(_like(self.trained, cells), cells, 0.0) * _like(weights, cells)
        sums = np.concatenate([weighted.sum(axis=1), weighted.sum(axis=0)])
        both = np.tensordot(self.inverse, sums, axes=1)
        return both[: len(self.trained)], both[len(self.trained) :]

    def means(self, cells: np.ndarray) -> np.ndarray:
        """What each configuration [C, …] would score on the mean of all folds."""
        rows, columns = self.coefficients(cells)
        means: np.ndarray = rows + columns.mean(axis=0)
        return means

    def residuals(self, cells: np.ndarray) -> np.ndarray:
        """What is left of each cell [C, F, …], 0 where it was not trained."""
        rows, columns = self.coefficients(cells)
        return np.where(_like(self.trained, cells), cells - rows[:, None] - columns[None], 0.0)

    def maps(self) -> np.ndarray:
        """The means as sums over folds [F, C, C]: means = Σ_f maps[f] @ cells[:, f]."""
        rows = len(self.trained)
        level = self.inverse[:rows] + self.inverse[rows:].mean(axis=0)  # [C, C + F]
        by_fold = level[None, :, :rows] + level[:, rows:].T[:, :, None]
        maps: np.ndarray = by_fold * (self.trained * self.weight[:, None]).T[:, None, :]
        return maps

    def left(self) -> np.ndarray:
        """The degrees of freedom that each configuration's residuals keep [C]; they sum to `freedom`."""
        rows = len(self.trained)
        diagonal, across = np.diag(self.inverse), self.inverse[:rows, rows:]
        leverage = (diagonal[:rows, None] + diagonal[None, rows:] + 2 * across) * self.weight[:, None]
        left: np.ndarray = np.where(self.trained, 1 - leverage, 0.0).sum(axis=1)
        return left


def fit(trained: np.ndarray, weight: np.ndarray | None = None) -> Additive:
    """The least squares on cells `trained` [C, F]; one configuration alone has no folds to share."""
    rows, folds = trained.shape
    weight = np.ones(rows) if weight is None else weight
    if rows == 1:
        inverse = np.zeros((1 + folds, 1 + folds))
        inverse[0, 0] = 1 / (trained.sum() * weight[0])
        return Additive(trained, weight, inverse, int(trained.sum()) - 1)
    inverse = np.linalg.pinv(_equations(trained * weight[:, None]), hermitian=True)
    rank = int(np.linalg.matrix_rank(_equations(trained.astype(float)), hermitian=True))
    return Additive(trained, weight, inverse, int(trained.sum()) - rank)


def _equations(weights: np.ndarray) -> np.ndarray:
    """The normal equations [C + F, C + F] of cells with `weights` [C, F]."""
    return np.block([[np.diag(weights.sum(axis=1)), weights], [weights.T, np.diag(weights.sum(axis=0))]])


def _like(mask: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """`mask` [C, F] with as many axes as `cells` [C, F, …]."""
    return mask.reshape(mask.shape + (1,) * (cells.ndim - 2))
