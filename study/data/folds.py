"""Labels and groups to folds: fixed once per study, with a fingerprint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from study.core import seeding
from study.core.errors import ConfigError, DataError
from study.core.formatting import plural
from study.core.records import Fold
from study.data.examples import Examples

ATTEMPTS = 20  # at folds of which none lacks a class
MOST_PARTS = 20  # a grouped test split is as fine as a twentieth of the examples


@dataclass(frozen=True)
class Folds:
    """The folds of a study; equal fingerprints mean equal positions and labels."""

    folds: tuple[Fold, ...]
    fingerprint: str


def draw_stratified(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draw `count` positions, sorted, of `labels` [n], each class in its share (largest remainders first)."""
    rng = np.random.default_rng(seed)
    classes, sizes = np.unique(labels, return_counts=True)
    exact = sizes * count / len(labels)
    quota = np.floor(exact).astype(int)
    for c in np.argsort(quota - exact, kind="stable")[: count - quota.sum()]:
        quota[c] += 1
    chosen = [rng.permutation(np.flatnonzero(labels == c))[:n] for c, n in zip(classes, quota, strict=True)]
    return np.sort(np.concatenate(chosen))


def split_test(examples: Examples, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions that the search may see, and those of the held-out test; both sorted, stratified, groups kept together.

    The test is what the source itself holds out, or else round(fraction · n) examples; with groups, about so many.
    Fraction 0 is an empty test. Raises ConfigError where the test or the search is left without examples, DataError
    where the source's own test set is.
    """
    everything, test_seed = np.arange(len(examples)), seeding.derive(seed, "test")
    if examples.held is not None and not examples.held.any():
        raise DataError("the source's test set", "has no row left", "raise task.limit, or name another test set")
    if examples.held is not None:
        if examples.held.all():
            raise ConfigError("the test set", "holds every example, which leaves the search none", "raise task.limit")
        test = np.flatnonzero(examples.held)
        return np.setdiff1d(everything, test), test[: len(test) if fraction else 0]
    if fraction == 0:
        return everything, everything[:0]
    if examples.groups is None:
        test = draw_stratified(examples.strata, round(fraction * len(everything)), test_seed)
    else:
        test = _grouped_sample(examples, examples.groups, fraction, test_seed)
    if not 0 < len(test) < len(everything):
        rule = f"takes {len(test)} of {len(everything)} examples, which leaves the test or the search none"
        raise ConfigError(f"task.test_fraction={fraction}", rule, "change the fraction or raise task.limit")
    return np.setdiff1d(everything, test), test


def _grouped_sample(examples: Examples, groups: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Positions of whole groups with about `fraction` of the examples: parts of a finer stratified, grouped split."""
    smallest = int(np.unique(examples.strata, return_counts=True)[1].min())
    parts = min(MOST_PARTS, smallest, len(np.unique(groups)))
    taken = min(max(1, round(fraction * parts)), parts - 1)
    folds = _split(examples, max(parts, 2), seed, np.arange(len(examples)))
    return np.sort(np.concatenate([fold.valid for fold in folds[: max(taken, 1)]]))


def make_folds(examples: Examples, k: int, seed: int, positions: np.ndarray) -> Folds:
    """k stratified folds of the examples at `positions`, in positions of the whole; no group is split.

    A group larger than a fold makes one fold larger. Raises ConfigError where k exceeds the smallest class or the
    number of groups, or where groups leave a fold nothing to score or a class that it never sees.
    """
    folds, strata = _split(examples, k, seed, positions), examples.strata[positions]
    _check_parts(examples, folds, np.unique(strata))
    return Folds(folds, _fingerprint(strata, folds))


def repeat_folds(examples: Examples, k: int, seed: int, positions: np.ndarray, number: int) -> tuple[Fold, ...]:
    """The k folds of further cross-validation `number`, from 1, as :func:`make_folds` makes them of a seed of its own.

    Their indices go on behind the k folds of the first one and the test, which has index k. Where groups leave a fold
    without a class, it is drawn again; ConfigError where that never ends well.
    """
    for attempt in range(ATTEMPTS):
        try:
            folds = make_folds(examples, k, seeding.derive(seed, "repeat", number, attempt), positions).folds
        except ConfigError:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            break
    return tuple(Fold(repeat_index(k, number, fold.index), fold.train, fold.valid) for fold in folds)


def repeat_index(k: int, number: int, fold: int) -> int:
    """The index among all of a study's folds of one of cross-validation `number`, from 0; the test's is k."""
    return number * k + fold + (number > 0)


def repeat_of(k: int, index: int) -> tuple[int, int]:
    """The inverse of :func:`repeat_index`."""
    return divmod(index - (index > k), k)


def _split(examples: Examples, k: int, seed: int, positions: np.ndarray) -> tuple[Fold, ...]:
    """The k folds, in positions of the whole, from the examples at `positions`."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    searched = examples.take(positions)
    strata, groups = searched.strata, searched.groups
    _check(searched, k)
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    splitter = kind(n_splits=k, shuffle=True, random_state=seeding.derive(seed, "folds"))
    splits = splitter.split(np.zeros(len(strata)), strata, groups)
    return tuple(Fold(i, positions[train], positions[valid]) for i, (train, valid) in enumerate(splits))


def _check_parts(examples: Examples, folds: tuple[Fold, ...], classes: np.ndarray) -> None:
    """Raise ConfigError where a fold has nothing to score or never sees a class, as groups can bring about."""
    for fold in folds:
        lost = np.setdiff1d(classes, examples.strata[fold.train]) if examples.classified else classes[:0]
        if not len(fold.valid) or len(lost):
            what = (
                f"training part without class {examples.class_names[lost[0]]}" if len(lost) else "validation part empty"
            )
            rule = f"leave a fold's {what}, since a group is never split"
            raise ConfigError(f"{len(folds)} folds", rule, "write a smaller study.folds, or take finer groups")


def _fingerprint(labels: np.ndarray, folds: tuple[Fold, ...]) -> str:
    """Sixteen hexadecimal digits of the labels and each fold's validation positions, which settle the training ones."""
    digest = hashlib.sha256(labels.astype(np.int64).tobytes())
    for fold in folds:
        digest.update(fold.valid.astype(np.int64).tobytes() + b"|")
    return digest.hexdigest()[:16]


def _check(examples: Examples, k: int) -> None:
    """Raise ConfigError where k exceeds the smallest class or the number of groups."""
    groups = examples.groups
    classes, sizes = np.unique(examples.strata, return_counts=True)
    if len(classes) < 2 and examples.classified:
        rule = "have a single class, which leaves nothing to learn"
        raise ConfigError(
            f"the {plural(len(examples), 'example')} to fold", rule, "raise task.limit, or check the labels"
        )
    smallest = int(sizes.min())
    if k > smallest:
        raise ConfigError(f"{k} folds", _too_small(examples, classes, sizes, k), _ways_out(examples, smallest))
    if groups is not None and k > len(np.unique(groups)):
        count = len(np.unique(groups))
        remedy = f"write study.folds={count} or fewer" if count >= 2 else "take finer groups"
        raise ConfigError(f"{k} folds", f"exceed the {plural(count, 'group')}", remedy)


def _too_small(examples: Examples, classes: np.ndarray, sizes: np.ndarray, k: int) -> str:
    """A sentence on which class has fewer examples than there are folds, and how many others have."""
    smallest, others = int(sizes.min()), int((sizes < k).sum()) - 1
    name = f" {examples.class_names[classes[sizes.argmin()]]}" if examples.classified else ""
    more = f", and {others} more have fewer than {k}" if others and examples.classified else ""
    return f"exceed the smallest class{name}, which has {plural(smallest, 'example')}{more}"


def _ways_out(examples: Examples, smallest: int) -> str:
    """The remedies for a class that is too small for the folds."""
    ways = [f"write study.folds={smallest} or fewer"] if smallest >= 2 else []
    ways += ["write task.rare=drop or merge where the task reads it"] if examples.classified else []
    return ", or ".join([*ways, "raise task.limit"])
