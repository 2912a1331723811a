"""What the compared trials cost: the smaller number is the cheaper trial, and what is measured alike is equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from study.core.evidence.table import ScoreTable
from study.core.figures import ALONE, FIGURES, MINIMIZE, SPREAD, costs_of


def compared_costs(
    table: ScoreTable, figures: Mapping[int, Mapping[str, float]], objectives: Sequence[str]
) -> np.ndarray:
    """The costs [C, M] of a table's trials by their `figures`, the study's own cost first; NaN where nobody knows one.

    What adds up over folds is taken as it would be over all of them.
    """
    columns = []
    for name in costs_of(objectives):
        sign = 1.0 if FIGURES[name].direction == MINIMIZE else -1.0
        more = table.lacking if FIGURES[name].combine is sum else 1.0
        spread = ALONE.get(name, name) + SPREAD
        values, spreads = (
            np.array([figures[number].get(key, np.nan) for number in table.numbers]) for key in (name, spread)
        )
        columns.append(join_equals(sign * values * more, np.nan_to_num(spreads)))
    return np.column_stack(columns)


def join_equals(values: np.ndarray, spreads: np.ndarray) -> np.ndarray:
    """The values [C] with those put equal that their interquartile ranges `spreads` [C] do not set apart.

    From the least on, each is as much as the one before it that began a group, where the halves of both ranges overlap:
    between such costs another round of measuring could decide otherwise.
    """
    joined, first = np.array(values, float), -1
    for row in np.argsort(joined, kind="stable"):
        if np.isnan(joined[row]):
            break
        if first >= 0 and values[row] - values[first] <= (spreads[row] + spreads[first]) / 2:
            joined[row] = values[first]
        else:
            first = int(row)
    return joined
