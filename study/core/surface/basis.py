"""Functions of one knob or of two, as columns of a design whose weights are alike in size beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from study.core.surface.knobs import FEW, Knob

LENGTH = 0.25  # of the knob's range: how far apart two values may be and still tell of one another
KEPT = 7  # functions of one number: the smoothest
SHARE = 1e-3  # of the prior variance: a function that has less is left out
TREND, CURVE, ABSENCE = "trend", "curve", "absence"


@dataclass(frozen=True)
class Basis:
    """p functions that average to zero over the trials.

    `trials` [C, p] are their values at the trials, `shown` [V, p] at the knob's shown values; `groups` [p] names which
    columns share a variance.
    """

    trials: np.ndarray
    shown: np.ndarray
    groups: np.ndarray

    def columns_to_cross(self, most: int) -> np.ndarray:
        """The columns that stand for the knob beside another: all levels, or the smoothest `most` of numbers."""
        curves = np.cumsum(self.groups == CURVE) < most
        return np.asarray(np.flatnonzero((self.groups != ABSENCE) & curves))


def basis_of(knob: Knob, absence: bool = True) -> Basis:
    """A trend and smooth curves for numbers, a column a level for choices, and one for the key's absence, if wanted."""
    there = knob.there
    at_trials, at_shown, groups = _numbers(knob) if knob.numeric else _levels(knob)
    at_trials, at_shown = _level_out(at_trials, at_shown, groups, there)
    if absence and not there.all():
        share = 1 - there.mean()
        size = sqrt(share * (1 - share))
        at_trials = np.column_stack([at_trials, (~there - share) / size])
        at_shown = np.column_stack([at_shown, np.full(len(at_shown), -share / size)])
        groups = np.append(groups, ABSENCE)
    return Basis(at_trials, at_shown, groups)


def products_of(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Every column of `one` [n, a] times every column of `other` [n, b]: [n, a·b]."""
    return np.asarray((one[:, :, None] * other[:, None, :]).reshape(len(one), -1))


def _numbers(knob: Knob) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A straight line and the leading functions of a Matérn 5/2 kernel that line is taken out of."""
    trials, shown = knob.scale(np.where(knob.there, knob.values, np.nanmin(knob.values))), knob.scale(knob.shown)
    distinct = np.unique(trials[knob.there])
    nodes = distinct if len(distinct) <= FEW else np.quantile(trials[knob.there], np.linspace(0, 1, FEW))
    line = trials[:, None], shown[:, None]
    if len(distinct) < 3:
        return *line, np.array([TREND])
    values, vectors = np.linalg.eigh(_bent(nodes, nodes))
    kept = [i for i in np.argsort(-values) if values[i] > SHARE * values.sum()][:KEPT]
    turn = vectors[:, kept] / np.sqrt(values[kept])
    at_trials, at_shown = (np.column_stack([x, _bent(x[:, 0], nodes) @ turn]) for x in line)
    return at_trials, at_shown, np.array([TREND, *[CURVE] * len(kept)])


def _bent(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The kernel [n, m] of curves around their straight line, which is fitted at evenly spread points."""
    points = np.linspace(0, 1, 2 * FEW)
    fit = np.linalg.pinv(np.vander(points, 2))
    ones, others = np.vander(one, 2) @ fit, np.vander(other, 2) @ fit  # what makes lines of values at the points
    bent = _matern(one, other) - ones @ _matern(points, other) - _matern(one, points) @ others.T
    return np.asarray(bent + ones @ _matern(points, points) @ others.T)


def _matern(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Matérn 5/2 (Rasmussen and Williams 2006, equation 4.17)."""
    r = sqrt(5) * np.abs(one[:, None] - other[None]) / LENGTH
    kernel: np.ndarray = (1 + r + r**2 / 3) * np.exp(-r)
    return kernel


def _levels(knob: Knob) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    places = np.arange(len(knob.levels))
    return (
        (knob.values[:, None] == places).astype(float),
        (knob.shown[:, None] == places).astype(float),
        np.full(len(places), TREND),
    )


def _level_out(
    at_trials: np.ndarray, at_shown: np.ndarray, groups: np.ndarray, there: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Zero where the key is not there, zero on average where it is, and a group's variance one over all trials."""
    mean = at_trials[there].mean(0)
    at_trials, at_shown = (at_trials - mean) * there[:, None], at_shown - mean
    for group in np.unique(groups):
        columns = groups == group
        size = sqrt(float((at_trials[:, columns] ** 2).sum(1).mean())) or 1.0
        at_trials[:, columns] /= size
        at_shown[:, columns] /= size
    return at_trials, at_shown
