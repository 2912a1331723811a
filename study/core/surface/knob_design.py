"""All knobs of a study as the columns of one design: each knob's own, and the products of every two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import sqrt

import numpy as np

from study.core.surface.basis import ABSENCE, CURVE, TREND, Basis, basis_of, products_of
from study.core.surface.knobs import Knob

Part = tuple[int, ...]  # the place of one knob, or the places of two
SCALES = {TREND: 0.5, CURVE: 0.3, ABSENCE: 0.5}  # how large a share of the gains' spread each is thought to have
MOST = 4  # functions of each of two numbers that are multiplied
PRODUCTS = 200  # columns that all pairs may have together: the time grows with their square and more
CROSSED = 0.15  # of what two knobs add to their own: less, as a rule


@dataclass(frozen=True)
class Design:
    """`parts` are the knobs in their order, then the pairs that trials can tell apart from the knobs themselves."""

    knobs: tuple[Knob, ...]
    bases: tuple[Basis, ...]
    parts: tuple[Part, ...]

    @cached_property
    def crossed(self) -> tuple[np.ndarray, ...]:
        """Which columns of each knob are multiplied with another's: fewer where there are many pairs."""
        pairs = len(self.parts) - len(self.knobs)
        most = next(most for most in (MOST, 3, 2, 1) if most == 1 or pairs * most**2 <= PRODUCTS)
        return tuple(basis.columns_to_cross(most) for basis in self.bases)

    @cached_property
    def pieces(self) -> dict[Part, np.ndarray]:
        """Each part's columns at the trials [C, p]."""
        products = {part: self._products(part, {}, None) for part in self.parts}
        return {part: columns / self.sizes[part] for part, columns in products.items()}

    @cached_property
    def sizes(self) -> dict[Part, float]:
        """What the columns of each part are divided by, so that a pair's variance is that of a knob's."""
        return {part: 1.0 if len(part) == 1 else _size(self._products(part, {}, None)) for part in self.parts}

    @property
    def columns(self) -> np.ndarray:
        """All columns at the trials [C, P], the parts' one after the other."""
        return np.column_stack(list(self.pieces.values()))

    @cached_property
    def places(self) -> dict[Part, slice]:
        """Where among the columns each part's lie."""
        ends = np.cumsum([0, *(piece.shape[1] for piece in self.pieces.values())]).tolist()
        return {part: slice(ends[i], ends[i + 1]) for i, part in enumerate(self.pieces)}

    @property
    def groups(self) -> tuple[np.ndarray, np.ndarray]:
        """Which group of one variance each column is in [P], and each group's scale."""
        names: list[tuple[Part, str]] = []
        for part, piece in self.pieces.items():
            kinds = self.bases[part[0]].groups if len(part) == 1 else ["crossed"] * piece.shape[1]
            names += [(part, str(kind)) for kind in kinds]
        order = {name: place for place, name in enumerate(dict.fromkeys(names))}
        scales = np.array([SCALES.get(kind, CROSSED) for _, kind in order])
        return np.array([order[name] for name in names]), scales

    def rows(self, fixed: Mapping[int, np.ndarray], among: np.ndarray) -> np.ndarray:
        """The columns [n, P] averaged over the trials of the mask `among`, with some knobs' functions fixed [n, p]."""
        count = max(len(rows) for rows in fixed.values())
        averaged = [
            np.broadcast_to(self._products(part, fixed, among) / self.sizes[part], (count, self.pieces[part].shape[1]))
            for part in self.parts
        ]
        return np.column_stack(averaged)

    def _products(self, part: Part, fixed: Mapping[int, np.ndarray], among: np.ndarray | None) -> np.ndarray:
        """A part's columns before they are divided: at fixed functions, and else averaged over `among`, if given."""
        if len(part) == 1:
            return fixed[part[0]] if part[0] in fixed else _mean(self.bases[part[0]].trials, among)
        if not any(i in fixed for i in part):
            one, other = (self.bases[i].trials[:, self.crossed[i]] for i in part)
            return _mean(products_of(one, other), among)
        one, other = (
            (fixed[i] if i in fixed else _mean(self.bases[i].trials, among))[:, self.crossed[i]] for i in part
        )
        count = max(len(one), len(other))
        return products_of(np.broadcast_to(one, (count, one.shape[1])), np.broadcast_to(other, (count, other.shape[1])))


def design_of(knobs: Sequence[Knob]) -> Design:
    """The design of knobs over the same trials; what another knob says already is not said again.

    A key that is absent wherever another one has certain values, such as λ of all methods but one, gets no column for
    its absence, and two keys that no trial has both of, or of which one never changes beside the other, are no pair.
    """
    bases = [basis_of(knob, not _is_implied(knob, knobs[:i], knobs)) for i, knob in enumerate(knobs)]
    pairs = [pair for pair in combinations(range(len(knobs)), 2) if _vary(knobs[pair[0]], knobs[pair[1]])]
    return Design(tuple(knobs), tuple(bases), (*((i,) for i in range(len(knobs))), *pairs))


def _is_implied(knob: Knob, before: Sequence[Knob], knobs: Sequence[Knob]) -> bool:
    """Whether a choice tells where the key is absent, or a knob before it is absent in the same trials."""
    choices = (other for other in knobs if other is not knob and not other.numeric and other.there.all())
    return any(_tells(other, knob) for other in choices) or any((knob.there == other.there).all() for other in before)


def _tells(choice: Knob, knob: Knob) -> bool:
    by_level = (knob.there[choice.values == place] for place in range(len(choice.levels)))
    return all(there.all() or not there.any() for there in by_level)


def _vary(one: Knob, other: Knob) -> bool:
    both = one.there & other.there
    return all(len(np.unique(knob.values[both])) > 1 for knob in (one, other))


def _mean(columns: np.ndarray, among: np.ndarray | None) -> np.ndarray:
    return columns if among is None else columns[among].mean(0, keepdims=True)


def _size(columns: np.ndarray) -> float:
    return sqrt(float((columns**2).sum(1).mean())) or 1.0
