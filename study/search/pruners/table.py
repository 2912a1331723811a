"""The scores of a race as a table, and what they say of a trial that has few folds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from study.core.figures import FIGURES, MINIMIZE, direction
from study.search.pruners.base import Entry, Race

if TYPE_CHECKING:
    from study.core.evidence.table import ScoreTable

MOST = 256  # trials in a table: statistics over more would take seconds a round


def sign_of(objective: str) -> int:
    """1 where a larger figure is better, −1 where a smaller one is."""
    return -1 if direction(objective) == MINIMIZE else 1


def rows_of(race: Race) -> list[Entry]:
    """The trials whose scores tell something: those with a fold, none failed; the latest where there are very many."""
    return [e for e in race.entries if e.folds and e.state != "failed"][-MOST:]


def table_of(rows: Sequence[Entry], objective: str, race: Race) -> ScoreTable:
    """The gains of the race's `rows` in a figure, fold by fold; folds that none of them has trained are left out."""
    from study.core.evidence.table import ScoreTable

    gains = np.full((len(rows), len(race.sizes)), np.nan)
    for i, row in enumerate(rows):
        for fold, result in row.folds.items():
            gains[i, fold] = sign_of(objective) * result.metrics[objective]
    trained = ~np.isnan(gains).all(axis=0)
    numbers, sizes = [row.number for row in rows], np.array(race.sizes)[trained]
    return ScoreTable(numbers, gains[:, trained], sizes, int(trained.sum()), grain=race.grain)


def measured_cost(entry: Entry, objective: str) -> float:
    """What a trial costs, smaller being better: as known before it trains, else as measured so far, NaN if neither.

    Figures that a trial adds up over its folds are taken per fold, so that it may have trained fewer than another.
    """
    values = [f.metrics[objective] for f in entry.folds.values() if objective in f.metrics]
    combine = FIGURES[objective].combine
    if objective in entry.known:
        cost = entry.known[objective]
    elif values:
        cost = combine(values) / (len(values) if combine is sum else 1)
    else:
        cost = math.nan
    return -sign_of(objective) * cost


def estimated_values(race: Race, numbers: Sequence[int], objectives: Sequence[str]) -> dict[int, list[float]]:
    """What each of these trials would be told as, had it had all its folds, where that can be estimated.

    A score is what its folds say with the folds' own difficulty taken out, as the other trials show it: a trial that
    stopped on an easy fold must not look better than it is. A cost is as known or measured, over all folds.
    """
    rows = {entry.number: entry for entry in rows_of(race)}
    wanted = [number for number in numbers if number in rows]
    columns = [_column(race, [*rows.values()], wanted, objective) for objective in objectives] if wanted else []
    values = {n: [column[n] for column in columns] for n in wanted}
    return {n: each for n, each in values.items() if all(map(math.isfinite, each))}


def _column(race: Race, rows: Sequence[Entry], wanted: Sequence[int], objective: str) -> dict[int, float]:
    """An objective's value of each wanted trial."""
    if not FIGURES[objective].spread:
        times = len(race.sizes) if FIGURES[objective].combine is sum else 1
        return {r.number: -sign_of(objective) * measured_cost(r, objective) * times for r in rows if r.number in wanted}
    from study.core.evidence.sources import estimate

    means = estimate(table_of(rows, objective, race)).means
    return {r.number: sign_of(objective) * float(m) for r, m in zip(rows, means, strict=True) if r.number in wanted}
