"""Which configuration to choose: three rules, each a row of the compared trials or None."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

COST = "params/trainable"


@dataclass(frozen=True)
class Answer:
    """The trial numbers that the rules choose; None where a number that a rule needs is missing."""

    best: int | None
    one_se: int | None
    one_percent: int | None

    @property
    def recommended(self) -> int | None:
        """The one-SE choice, or the best score where the standard error is unknown."""
        return self.best if self.one_se is None else self.one_se


def answer_of(compared: pd.DataFrame, higher_is_better: bool) -> Answer:
    """The best score, the cheapest within one standard error of it and the cheapest within 1 % of it."""
    if compared.empty:
        return Answer(None, None, None)
    gain = compared["score"] if higher_is_better else -compared["score"]
    # Among equal scores the cheaper configuration is the better one.
    order = pd.DataFrame({"gain": -gain, "cost": compared[COST], "number": compared["number"]})
    top = order.sort_values(["gain", "cost", "number"]).index[0]
    best, se = gain[top], compared.loc[top, "score_se"]
    return Answer(
        int(compared.loc[top, "number"]),
        _cheapest(compared, gain, best - se),
        _cheapest(compared, gain, best - 0.01 * abs(best)),
    )


def _cheapest(compared: pd.DataFrame, gain: pd.Series, floor: float) -> int | None:
    """The fewest trained parameters at or above `floor`; the better score where two cost the same."""
    if np.isnan(floor):
        return None
    within = compared.assign(gain=-gain)[gain >= floor].dropna(subset=COST)
    if within.empty:
        return None
    return int(within.sort_values([COST, "gain", "number"]).iloc[0]["number"])
