"""What would let a study decide that cannot tell yet: more cross-validations, more examples, or a wider tolerance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from study.core.evidence.posterior import draw
from study.core.evidence.sources import Estimates

MOST_REPEATS = 50  # cross-validations in all
STEP, STEPS = 1.25, 31  # by which numbers of examples are tried, up to a thousand times as many
DRAWS = 4000  # as many as the verdict has, and the same ones, so that both say the same


@dataclass(frozen=True)
class Outlook:
    """What would be expected to decide: the first of these that does, the others None.

    `repeats` cross-validations in all, of what is undecided; `examples` times as many held-out examples; `tolerance`,
    the least with which the data at hand decide.
    """

    repeats: int | None = None
    examples: float | None = None
    tolerance: float | None = None


def outlook(estimates: Estimates, rows: Sequence[int], tolerance: float, confidence: float, seed: int = 0) -> Outlook:
    """The outlook of a study in which `rows` are undecided; the scores are taken to stay as they are."""
    repeats = repeats_needed(estimates, tolerance, confidence, seed, rows)
    if repeats is not None:
        return Outlook(repeats=repeats)
    examples = examples_needed(estimates, tolerance, confidence, seed)
    if examples is not None:
        return Outlook(examples=examples)
    return Outlook(tolerance=tolerance_needed(estimates, confidence, seed))


def repeats_needed(
    estimates: Estimates, tolerance: float, confidence: float, seed: int = 0, rows: Sequence[int] | None = None
) -> int | None:
    """The fewest cross-validations in all, of `rows` or of every one, with which some configuration would be near
    enough; None: more than 50.

    They lessen the trainings' part of the error, but for what the same examples do to every training; the examples'
    part they do not, since every cross-validation asks the same ones.
    """
    chosen = np.arange(len(estimates.means)) if rows is None else np.asarray(rows, int)

    def decides(repeats: int) -> bool:
        return _decides(_with_repeats(estimates, chosen, repeats), tolerance, confidence, seed)

    return _least(decides, estimates.repeats, MOST_REPEATS)


def examples_needed(estimates: Estimates, tolerance: float, confidence: float, seed: int = 0) -> float | None:
    """How many times as many examples would lessen their part of the error enough, to within a quarter.

    None: more than 1,000 times as many, or the trainings' part is too large for that.
    """

    def decides(steps: int) -> bool:
        more = replace(estimates, examples=estimates.examples / STEP**steps)
        return _decides(more, tolerance, confidence, seed)

    steps = _least(decides, 0, STEPS)
    return None if steps is None else STEP**steps


def tolerance_needed(estimates: Estimates, confidence: float, seed: int = 0) -> float:
    """The least tolerance with which some configuration that may be chosen is near enough to the best."""
    gains = draw(estimates, DRAWS, seed)
    short = gains.max(axis=1, keepdims=True) - gains[:, estimates.whole]
    return float(np.quantile(short, confidence, axis=0, method="higher").min())


def _least(decides: Callable[[int], bool], low: int, high: int) -> int | None:
    """The least number above `low`, up to `high`, that decides, where more of it never does harm; None: not even it."""
    if low >= high or not decides(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high


def _with_repeats(estimates: Estimates, rows: np.ndarray, repeats: int) -> Estimates:
    """The estimates had these rows so many cross-validations in all, and the same scores."""
    lessened = np.ones(len(estimates.means))
    lessened[rows] = np.sqrt(estimates.repeats / repeats)
    unit, exceptional = (
        np.diag(lasting) + (whole - np.diag(lasting)) * np.outer(lessened, lessened)
        for whole, lasting in zip((estimates.unit, estimates.exceptional), estimates.lasting, strict=True)
    )
    more = (repeats - estimates.repeats) * estimates.splits * (len(rows) - 1)
    return replace(estimates, unit=unit, exceptional=exceptional, freedom=estimates.freedom + more, repeats=repeats)


def _decides(estimates: Estimates, tolerance: float, confidence: float, seed: int) -> bool:
    gains = draw(estimates, DRAWS, seed)
    near = (gains >= gains.max(axis=1, keepdims=True) - tolerance).mean(axis=0)
    return bool(near[estimates.whole].max() >= confidence)
