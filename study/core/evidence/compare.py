"""What differs from a reference: an interval for each configuration, and claims that hold for all pairs at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from study.core.evidence.normal import normal_errors
from study.core.evidence.sources import Estimates

DRAWS, POINTS = 2000, 256
LATTICE = np.array([0.8191725134, 0.6710436067, 0.5497004779])  # R3, the powers of 1/1.2207… (Roberts 2018)


@dataclass(frozen=True)
class Contrast:
    """A configuration's gain less the reference's; what nothing measures is NaN.

    `low` to `high` holds for this pair alone, `simultaneous_low` to `simultaneous_high` for all pairs of the study at
    once, whichever was picked as the reference: claims of difference are made by these.
    """

    number: int
    mean: float
    se: float
    low: float
    high: float
    simultaneous_low: float
    simultaneous_high: float

    @property
    def distinguishable(self) -> bool | None:
        """Whether the simultaneous interval leaves zero out; None where there is no interval."""
        return None if np.isnan(self.simultaneous_low) else not self.simultaneous_low <= 0 <= self.simultaneous_high


@dataclass(frozen=True)
class Comparison:
    """All differences of a study's configurations.

    The error of a difference is normal, and its variance known only so well: the rest by its scaled inverse χ², less
    what the examples explain; the examples' by theirs. The marginal interval integrates over both; without answers it
    is Student's. The simultaneous intervals reach as many standard errors as the largest error of all pairs does in
    `confidence` of draws of such errors.
    """

    estimates: Estimates
    confidence: float = 0.95
    seed: int = 0

    def against(self, reference: int) -> list[Contrast]:
        """Every configuration against that in row `reference`, whose own entry is zero throughout."""
        estimates, parts = self.estimates, self._parts
        mean = estimates.means - estimates.means[reference]
        error = np.sqrt(parts.variance())[reference]
        half = _marginal(estimates, parts, reference, self.confidence)
        wide = self._widths[reference]
        intervals = np.column_stack([mean - half, mean + half, mean - wide, mean + wide])
        return [
            Contrast(number, float(mean[row]), float(error[row]), *map(float, intervals[row]))
            for row, number in enumerate(estimates.numbers)
        ]

    def claims(self) -> np.ndarray:
        """Which differences [C, C], row less column, are claimed: 1 the row's gain is higher, −1 lower, 0 no claim."""
        mean = self.estimates.means[:, None] - self.estimates.means
        return np.where(np.abs(mean) > self._widths, np.sign(mean), 0).astype(int)

    @cached_property
    def _parts(self) -> _Parts:
        return _parts(self.estimates)

    @cached_property
    def _widths(self) -> np.ndarray:
        return _simultaneous(self.estimates, self._parts, self.confidence, self.seed)


@dataclass(frozen=True)
class _Parts:
    """Of every difference [C, C]: the parts of its variance."""

    examples: np.ndarray
    trainings: np.ndarray
    unit: np.ndarray
    exceptional: np.ndarray
    exceptional_freedom: np.ndarray

    def variance(self, stretch: float | np.ndarray = 1.0) -> np.ndarray:
        """The whole variance, that of the examples `stretch` times as large as measured."""
        variance: np.ndarray = self.examples * stretch + self.trainings
        return variance


def _parts(estimates: Estimates) -> _Parts:
    freedom = np.full(len(estimates.means), np.inf)
    rows = list(estimates.exceptions)
    freedom[rows] = estimates.exceptional_freedom[rows]
    return _Parts(
        np.maximum(_contrasts(estimates.examples), estimates.pairs.floor), _contrasts(estimates.trainings),
        _contrasts(estimates.unit), _contrasts(estimates.exceptional), np.minimum(freedom[:, None], freedom),
    )  # fmt: skip


def _contrasts(covariance: np.ndarray) -> np.ndarray:
    """The variance [C, C] of every difference."""
    each = np.diag(covariance)
    return np.asarray(np.maximum(each[:, None] + each - 2 * covariance, 0))


def _marginal(estimates: Estimates, parts: _Parts, reference: int, confidence: float) -> np.ndarray:
    """Half the width [C] of each interval against the reference, the variance integrated over on a lattice."""
    from scipy.special import ndtr

    if not estimates.freedom:
        return np.full(len(estimates.means), np.nan)
    lattice = (np.arange(1, POINTS + 1)[:, None] * LATTICE) % 1  # [P, 3] evenly filled
    examples = parts.examples[reference][:, None] * inverse_chi_square(
        estimates.pairs.freedom[reference][:, None], lattice[:, 0]
    )
    rest = estimates.rest * inverse_chi_square(np.array(float(estimates.freedom)), lattice[:, 1])
    trainings = parts.unit[reference][:, None] * np.maximum(rest - estimates.explained, 0)
    exceptional = parts.exceptional[reference][:, None] * inverse_chi_square(
        parts.exceptional_freedom[reference][:, None], lattice[:, 2]
    )
    error = np.sqrt(np.maximum(examples + trainings + exceptional, 1e-300))
    low, high = np.zeros(len(error)), 40 * error.max(axis=1)
    for _ in range(50):  # halving, until the share of errors inside is the confidence
        middle = (low + high) / 2
        inside = 2 * ndtr(middle[:, None] / error).mean(axis=1) - 1
        low, high = np.where(inside < confidence, middle, low), np.where(inside < confidence, high, middle)
    half = (low + high) / 2
    return np.where(np.arange(len(half)) == reference, 0.0, half)


def inverse_chi_square(freedom: np.ndarray, tail: np.ndarray) -> np.ndarray:
    """The true over the measured variance that `tail` lies below, by its `freedom`; 1 where that is endless."""
    from scipy.special import chdtri

    known = freedom > 1e6
    finite = np.where(known, 1.0, np.maximum(freedom, 1.0))
    scale: np.ndarray = np.where(known, 1.0, finite / chdtri(finite, tail))
    return scale


def _simultaneous(estimates: Estimates, parts: _Parts, confidence: float, seed: int) -> np.ndarray:
    """Half the width [C, C] of intervals that all hold at once in `confidence` of studies."""
    from scipy.special import ndtr, stdtrit

    rows = len(estimates.means)
    if rows < 2 or not estimates.freedom:
        return np.where(np.eye(rows, dtype=bool), 0.0 if estimates.freedom else np.nan, np.nan)
    reach = float(np.quantile(_largest(estimates, parts, seed), confidence))
    pair = float(ndtr(reach))  # the level of one pair, were all variances known
    freedom = estimates.pairs.freedom
    known = ~(freedom < 1e6)
    with np.errstate(invalid="ignore"):  # where nothing varies at all the reach is 0, and a width stays unknown
        stretch = np.where(known, 1.0, (stdtrit(np.where(known, 1.0, freedom), pair) / reach) ** 2)
    width: np.ndarray = reach * np.sqrt(parts.variance(np.maximum(stretch, 1)))
    return width


def _largest(estimates: Estimates, parts: _Parts, seed: int) -> np.ndarray:
    """The largest error of all pairs, in standard errors, in each of the draws."""
    generator = np.random.default_rng(seed)
    freedom = estimates.freedom
    rest = estimates.rest * freedom / generator.chisquare(freedom, (DRAWS, 1))
    scale = np.sqrt(np.maximum(rest - estimates.explained, 0))
    errors = normal_errors(estimates.examples, DRAWS, generator) + scale * normal_errors(
        estimates.unit, DRAWS, generator
    )
    if estimates.exceptions:
        errors += normal_errors(estimates.exceptional, DRAWS, generator)
    first, second = np.triu_indices(len(estimates.means), 1)
    measured = np.sqrt(np.maximum(parts.variance()[first, second], 1e-300))
    largest = np.empty(DRAWS)
    for start in range(0, DRAWS, 50):  # of 300 configurations there are 45,000 pairs
        drawn = errors[start : start + 50]
        largest[start : start + 50] = (np.abs(drawn[:, first] - drawn[:, second]) / measured).max(axis=1)
    return largest
