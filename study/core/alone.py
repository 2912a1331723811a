"""Costs that were measured alone on the machine beside those of the search: which one to show, and with which mark."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from study.core import formatting as fmt
from study.core.figures import ALONE, COSTS, FIGURES, SPREAD

LOADED, BUSY = "†", "‡"  # marks behind a number
LOAD = ("pack/workers", "pack/members")  # figures that say what was trained at the same time
OTHERS, DIFFER = 0.25, 0.2  # above which a machine is busy: the share others take, the range of repeats in medians
MEANING = {
    LOADED: f"{LOADED} measured during the search, beside other trainings; each member of a pack has an equal share "
    "of its time.",
    BUSY: f"{BUSY} measured on a busy machine: other programs took more than a quarter of its cores, or repeats differ "
    "by more than a fifth.",
}
MEASURED = re.compile(r" ± [\d.,]+ \D+$")  # of a unit: scores have none
APART = " · "  # between costs in a line
HOW = "± is half the interquartile range of repeats, measured alone on the machine when the search was over."


@dataclass(frozen=True)
class AloneCosts:
    """What was measured of a configuration alone: figures by name, or the error for which there are none."""

    figures: dict[str, float] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True)
class Cost:
    """A cost as it is shown: NaN where nobody knows it, its spread NaN where it has none, and its mark or ""."""

    name: str
    value: float
    spread: float = math.nan
    mark: str = ""

    @property
    def text(self) -> str:
        """The number with its unit, its spread and its mark."""
        unit = FIGURES[self.name].unit
        text = fmt.by_unit(unit, self.value)
        if fmt.missing(self.spread):
            return text + self.mark
        number, _, unit = text.rpartition(" ")
        return f"{number} ± {fmt.by_unit(FIGURES[self.name].unit, self.spread, self.value)}{self.mark}"


def cost_of_trial(name: str, figures: Mapping[str, Any]) -> Cost:
    """A cost among a trial's figures: as it was measured alone, or, where it was not, as the search saw it."""
    alone = ALONE.get(name, "")
    value = number_in(figures, alone)
    if not math.isnan(value):
        return Cost(name, value, number_in(figures, alone + SPREAD) / 2, BUSY * is_busy(alone, figures))
    value = number_in(figures, name)
    return Cost(name, value, mark=LOADED * (not math.isnan(value) and is_loaded(name, figures)))


def costs_in_words(figures: Mapping[str, Any]) -> str:
    """What a trial costs, as far as it is known: ``params/trainable 36,866 · latency/ms 8.25 ms†``."""
    costs = (cost_of_trial(name, figures) for name in COSTS)
    return APART.join(f"{cost.name} {cost.text}" for cost in costs if not math.isnan(cost.value))


def with_alone(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures with each measured cost as it was measured alone, where it was."""
    alone = {name: number_in(figures, other) for name, other in ALONE.items()}
    return {**figures, **{name: value for name, value in alone.items() if not math.isnan(value)}}


def is_loaded(name: str, figures: Mapping[str, Any]) -> bool:
    """Whether a figure of the search was measured beside other trainings, or may have been, as nobody knows."""
    return name in ALONE and any(number_in(figures, count) != 1 for count in LOAD)


def is_busy(name: str, figures: Mapping[str, Any]) -> bool:
    """Whether other programs disturbed what was measured alone: they worked meanwhile, or its repeats differ much."""
    differs = number_in(figures, name + SPREAD) > DIFFER * abs(number_in(figures, name))
    return differs or number_in(figures, "alone/others") > OTHERS


def meanings(texts: Iterable[str]) -> tuple[str, ...]:
    """A sentence for each mark that occurs at the end of a text, and one for the spread where there is one."""
    shown = list(texts)
    how = (HOW,) if any(map(MEASURED.search, shown)) else ()
    return (*how, *(meaning for mark, meaning in MEANING.items() if any(text.endswith(mark) for text in shown)))


def number_in(figures: Mapping[str, Any], name: str) -> float:
    """The figure of that name; NaN where there is none."""
    value = figures.get(name)
    return math.nan if value is None else float(value)
