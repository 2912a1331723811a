"""What to choose: the cheapest configuration that is near enough to the best, or that the data cannot tell."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from study.core.evidence.front_gain import adds_to_front
from study.core.evidence.posterior import draw
from study.core.evidence.sources import Estimates, estimate
from study.core.evidence.table import ScoreTable

CHOOSE, CANNOT_TELL, NOTHING_BEATS = "choose", "cannot tell", "nothing beats"
MEANWHILE = 0.85  # loses less than one-SE rules do, and where nothing differs is still one of the cheapest


@dataclass(frozen=True)
class Verdict:
    """What a study says about which configuration to take; configurations are rows of its table.

    `kind`: "choose" where `recommended` is within the tolerance of the best with the confidence asked for; "nothing
    beats" where that holds for what trains nothing (`recommended` is its row, or None where it is a reference level
    outside the table); "cannot tell" where it holds for none. Then `recommended` is what to use meanwhile: the
    cheapest that is at least 85 % as probable to be near enough as the most probable one, or what scored
    higher for no more (None where nothing measures the error). `candidates` are it and the fewest others among which
    the cheapest near enough one lies with the confidence asked for, likeliest first.

    Only what has every fold of a cross-validation is chosen, is a candidate or `best`; what was stopped before is a
    rival with what its folds say. `best` is the row of the highest expected gain, `within` [C] the probability to be
    within the tolerance of the best, `on_front` [C] that nothing that costs no more, in any of the costs, is better.
    """

    kind: str
    recommended: int | None
    best: int
    candidates: tuple[int, ...]
    within: np.ndarray
    on_front: np.ndarray

    @property
    def undecided(self) -> tuple[int, ...]:
        """The rows of which more has to be known: the candidates, and the best, beside which they are judged."""
        return tuple(dict.fromkeys([*self.candidates, self.best])) if self.kind == CANNOT_TELL else ()


def decide(
    data: ScoreTable | Estimates,
    costs: np.ndarray,
    tolerance: float,
    confidence: float = 0.9,
    free: Collection[int] = (),
    levels: Sequence[float] = (),
    seed: int = 0,
    count: int = 4000,
) -> Verdict:
    """The verdict on C configurations by their `costs` [C] or, of several kinds, [C, M] (NaN: unknown, taken last).

    Cheap is what costs little by the first of them; the front is that of all.

    Ties of cost go to the higher gain, then to the lower number. `free` are the rows that train nothing but a head or
    nothing at all, `levels` the gains of references outside the table (the majority class, zero-shot).
    """
    estimates = estimate(data) if isinstance(data, ScoreTable) else data
    gains = draw(estimates, count, seed)
    if np.isnan(gains).any():
        return _without_errors(estimates)
    costs = np.asarray(costs, float).reshape(gains.shape[1], -1)
    order = _cheapest_first(estimates, costs[:, 0], gains)
    good = gains >= gains.max(axis=1, keepdims=True) - tolerance
    within = good.mean(axis=0)
    chosen = next((int(row) for row in order if within[row] >= confidence), None)
    verdict = Verdict(CHOOSE, chosen, _best(estimates, gains.mean(axis=0)), (), within, adds_to_front(gains, costs))
    if any((level >= gains.max(axis=1) - tolerance).mean() >= confidence for level in levels):
        return replace(verdict, kind=NOTHING_BEATS, recommended=None)
    if chosen is not None:
        return replace(verdict, kind=NOTHING_BEATS if chosen in free else CHOOSE, candidates=(chosen,))
    meanwhile = _meanwhile(order, within, estimates.means, costs[:, 0])
    candidates = _candidates(gains, good, order, meanwhile, confidence)
    return replace(verdict, kind=CANNOT_TELL, recommended=meanwhile, candidates=candidates)


def _meanwhile(order: np.ndarray, within: np.ndarray, means: np.ndarray, costs: np.ndarray) -> int:
    """The cheapest row that is probable enough; of those that scored higher for no more, the most probable one.

    Where training varies much, configurations that answer alike are drawn together, so that the likeliest one can be
    one that another beats in every figure that the reader sees. Nobody would take that on so weak a ground.
    """
    row = next(int(row) for row in order if within[row] >= MEANWHILE * within[order].max())
    while (better := order[(means[order] > means[row]) & (costs[order] <= costs[row])]).size:
        row = int(better[within[better].argmax()])
    return row


def _candidates(
    gains: np.ndarray, good: np.ndarray, order: np.ndarray, meanwhile: int, confidence: float
) -> tuple[int, ...]:
    """`meanwhile` and the fewest rows, likeliest first, that hold the cheapest good one of enough draws [S, C].

    Where none of those in `order` is good in a draw, something that was stopped is, and the best of them counts.
    """
    among = good[:, order]
    first = np.where(among.any(axis=1), among.argmax(axis=1), gains[:, order].argmax(axis=1))
    picks = np.bincount(order[first], minlength=gains.shape[1]) / len(good)
    likely = order[np.argsort(-picks[order], kind="stable")]
    likely = np.concatenate([[meanwhile], likely[likely != meanwhile]])
    needed = int(np.searchsorted(np.cumsum(picks[likely]), confidence - 1e-9)) + 1
    return tuple(int(row) for row in likely[:needed])


def _cheapest_first(estimates: Estimates, costs: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """The rows that may be chosen by cost, the unknown last; then by gain, then by number."""
    order = np.lexsort((np.array(estimates.numbers), -gains.mean(axis=0), costs))
    return np.asarray(order[estimates.whole[order]])


def _best(estimates: Estimates, expected: np.ndarray) -> int:
    """The row of the highest expected gain [C] that may be chosen; of equal ones the lowest number's."""
    order = np.lexsort((np.array(estimates.numbers), -expected))
    return int(order[estimates.whole[order]][0])


def _without_errors(estimates: Estimates) -> Verdict:
    """Where nothing measures the error, anything could be chosen."""
    best = _best(estimates, estimates.means)
    unknown = np.full(len(estimates.means), np.nan)
    candidates = tuple(int(row) for row in np.flatnonzero(estimates.whole))
    return Verdict(CANNOT_TELL, None, best, candidates, unknown, unknown)
