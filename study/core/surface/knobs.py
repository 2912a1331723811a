"""The searched keys of trials as numbers: logarithmic, linear or choices, with a level for trials without the key."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from study.core import formatting as fmt

ABSENT = ("", "None", "null", "nan")
FEW = 12  # distinct numbers that are each shown; of more, as many places between the ends
PLACES = 25
FINE = 1000.0  # a logarithmic axis that spans less is named between powers of ten too
NEAR = 1.1  # how far beyond the tried values an axis may be named
WIDE = 10.0  # numbers that span more than this ratio are logarithmic


@dataclass(frozen=True)
class Knob:
    """One searched key over C trials.

    `values` [C] are its numbers, or the place in `levels` of a choice; NaN where the trial has no such key, or a
    logarithmic key is 0. `apart` says in a word what these trials have instead, empty where there are none.
    """

    key: str
    values: np.ndarray
    levels: tuple[str, ...] = ()
    log: bool = False
    apart: str = ""

    @property
    def numeric(self) -> bool:
        """Whether the key has numbers, which lie between one another."""
        return not self.levels

    @property
    def there(self) -> np.ndarray:
        """Which trials have the key [C]."""
        return np.asarray(~np.isnan(self.values))

    @property
    def shown(self) -> np.ndarray:
        """The values at which an effect is shown, ascending: those that occur where they are few."""
        distinct = np.unique(self.values[self.there])
        if not self.numeric or len(distinct) <= FEW:
            return distinct
        low, high = distinct[0], distinct[-1]
        return np.asarray(np.geomspace(low, high, PLACES) if self.log else np.linspace(low, high, PLACES))

    @property
    def ticks(self) -> np.ndarray:
        """The values that an axis names: those shown where they are few, else round ones."""
        few = np.isin(self.values[self.there], self.shown).all()
        if few or not self.log:
            return self.shown if few else self.shown[:: (PLACES - 1) // 4]
        low, high = self.shown[0], self.shown[-1]
        powers = 10.0 ** np.arange(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        steps = (1, 2, 5) if high < FINE * low else (1,)
        return np.array([x for power in powers for x in power * np.array(steps) if low / NEAR <= x <= high * NEAR])

    def name(self, value: float) -> str:
        """One of the values as a reader sees it."""
        return fmt.short(value) if self.numeric else self.levels[int(value)]

    def scale(self, values: np.ndarray) -> np.ndarray:
        """Numbers of this key between 0, its smallest, and 1, its largest, on its own scale."""
        x, ends = values, np.array([np.nanmin(self.values), np.nanmax(self.values)])
        if self.log:
            x, ends = np.log(x), np.log(ends)
        scaled: np.ndarray = (x - ends[0]) / (ends[1] - ends[0])
        return scaled


def knobs_of(columns: Mapping[str, Sequence[Any]], sweeps: Mapping[str, str] | None = None) -> tuple[Knob, ...]:
    """The keys that differ between trials, in the columns' order; a column is what C trials have of a key.

    Numbers may be written as text; None, NaN and ``None`` mean that the trial has no such key. `sweeps` are the keys'
    texts in the study's space, by which a key is known to be logarithmic whatever was tried.
    """
    knobs = (_knob(key, list(column), (sweeps or {}).get(key, "")) for key, column in columns.items())
    return tuple(knob for knob in knobs if len(np.unique(knob.values)) > 1)


def _knob(key: str, column: list[Any], sweep: str) -> Knob:
    texts = ["" if fmt.missing(value) or str(value) in ABSENT else str(value) for value in column]
    numbers = [_number(text) for text in texts]
    if any(text and number is None for text, number in zip(texts, numbers, strict=True)):
        return _choice(key, texts, sweep)
    values = np.array([math.nan if number is None else number for number in numbers], float)
    return _numeric(key, values, sweep)


def _choice(key: str, texts: list[str], sweep: str) -> Knob:
    """The levels in the order of the sweep, then of the alphabet."""
    words = re.split(r"[\s,()'\"]+", sweep)
    order = {word: place for place, word in enumerate(words)}
    levels = tuple(sorted({text for text in texts if text}, key=lambda text: (order.get(text, len(words)), text)))
    values = np.array([levels.index(text) if text else math.nan for text in texts], float)
    return Knob(key, values, levels, apart="none" if "" in texts else "")


def _numeric(key: str, values: np.ndarray, sweep: str) -> Knob:
    absent = np.isnan(values)
    log = _is_log(np.unique(values[~absent & (values != 0)]), sweep)
    zero = (values == 0) & log
    apart = " or ".join(word for word, where in (("none", absent), ("0", zero)) if where.any())
    return Knob(key, np.where(zero, math.nan, values), log=log, apart=apart)


def _is_log(distinct: np.ndarray, sweep: str) -> bool:
    """Whether positive numbers are spread by ratio: as the sweep says, over a wide span, or as powers of two."""
    if not len(distinct) or distinct[0] <= 0:
        return False
    powers = len(distinct) > 2 and bool(np.all(np.log2(distinct) % 1 == 0)) and not _even(distinct)
    return "log" in sweep or bool(distinct[-1] > WIDE * distinct[0]) or powers


def _even(distinct: np.ndarray) -> bool:
    steps = np.diff(distinct)
    return bool(np.allclose(steps, steps[0]))


def _number(text: str) -> float | None:
    """The finite number that the text is; None where it is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
