"""How many examples each class has, and what becomes of classes that are too rare to be learned in every fold."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from study.core.errors import ConfigError
from study.core.formatting import plural
from study.data.examples import Classified, Examples

LISTED = 12  # classes whose sizes a note gives; of more it gives the ends
FEW = 2  # rows of which a class can be a slip of the pen
OTHER = "other"  # what merged classes become


def handle_rare(examples: Examples, rare: str | None, folds: int, fraction: float) -> Examples:
    """The examples with a note on their class sizes, and without classes too rare for the folds, as `rare` says.

    A rare class has fewer than `folds` examples outside the test set, which takes its `fraction` unless the source has
    one itself. `rare` is drop, merge (into one class) or, like None, refuse: then it stays, and folds refuse it. Raises
    ConfigError where nothing is left, or the merged class is too rare itself.
    """
    if not isinstance(examples, Classified):
        return examples
    scarce = _scarce(examples, folds, fraction)
    if rare in ("drop", "merge") and scarce.any():
        examples = (_drop if rare == "drop" else _merge)(examples, scarce)
        left = _scarce(examples, folds, fraction)
        if rare == "merge" and left.any():
            count = int(_sizes(examples)[left][0])
            rule = f"makes a class of {plural(count, 'example')}, which is too rare itself for {folds} folds"
            raise ConfigError("task.rare=merge", rule, "write task.rare=drop, or a smaller study.folds")
    return _note_sizes(examples)


def _sizes(examples: Classified) -> np.ndarray:
    """How many examples each class has, [classes]."""
    return np.bincount(examples.labels, minlength=len(examples.classes))


def _scarce(examples: Classified, folds: int, fraction: float) -> np.ndarray:
    """A mask [classes]: which have fewer than `folds` examples outside the test set, where it takes the most it can."""
    if examples.held is not None:
        searched = np.bincount(examples.labels[~examples.held], minlength=len(examples.classes))
    else:
        searched = np.array([n - math.ceil(n * fraction) for n in _sizes(examples).tolist()])
    return searched < folds


def _drop(examples: Classified, scarce: np.ndarray) -> Classified:
    """The examples of the other classes; ConfigError where every class is scarce."""
    kept = np.flatnonzero(~scarce[examples.labels])
    if not len(kept):
        rule = "leaves no class, since every one is too rare for the folds"
        raise ConfigError("task.rare=drop", rule, "write a smaller study.folds, or take more rows")
    note = _names_and_sizes(examples, np.flatnonzero(scarce))
    places = np.cumsum(~scarce) - 1
    names = tuple(name for name, out in zip(examples.classes, scarce, strict=True) if not out)
    left = examples.take(kept)
    return _relabel(left, places[left.labels], names).with_notes(rare_classes_dropped=note)


def _merge(examples: Classified, scarce: np.ndarray) -> Classified:
    """The examples with the scarce classes as one, in the last place."""
    note = _names_and_sizes(examples, np.flatnonzero(scarce))
    names = [name for name, out in zip(examples.classes, scarce, strict=True) if not out]
    merged = OTHER if OTHER not in names else f"{OTHER} classes"
    places = np.where(scarce, len(names), np.cumsum(~scarce) - 1)
    made = _relabel(examples, places[examples.labels], (*names, merged))
    return made.with_notes(**{f"rare classes merged into {merged}": note})


def _relabel(examples: Classified, labels: np.ndarray, names: tuple[str, ...]) -> Classified:
    """The examples with these labels [n] and these classes instead of their own."""
    fields: dict[str, object] = {"labels": labels.astype(np.int64), "classes": names}
    return replace(examples, **fields)  # type: ignore[arg-type]


def _note_sizes(examples: Classified) -> Classified:
    """The examples with a note on how many each class has, and one on those of one or two."""
    sizes = _sizes(examples)
    order = np.argsort(-sizes, kind="stable")
    if len(order) <= LISTED:
        said = _names_and_sizes(examples, order)
    else:
        half = LISTED // 2
        first, last = _names_and_sizes(examples, order[:half]), _names_and_sizes(examples, order[-half:])
        said = f"{first}, ... {last} ({len(order)} classes)"
    noted = examples.with_notes(class_sizes=said)
    few = np.flatnonzero(sizes <= FEW)
    return noted.with_notes(classes_of_one_or_two_rows=_names_and_sizes(examples, few[:LISTED])) if len(few) else noted


def _names_and_sizes(examples: Classified, places: np.ndarray) -> str:
    """Classes by name, each with its size."""
    sizes = _sizes(examples)
    return ", ".join(f"{examples.classes[i][:40]} {sizes[i]:,}" for i in places.tolist())
