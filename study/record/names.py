"""What runs are called: by their numbers first, so that names in order are trials in order and differ before a table
cuts them."""

from __future__ import annotations

LEAST = 2  # digits, so that most studies grow without new names


def digits(trials: int) -> int:
    """How many digits the numbers of that many trials need."""
    return max(LEAST, len(str(trials - 1)))


def trial_name(number: int, label: str, width: int) -> str:
    """A trial's: ``07 r8 qv top-half``."""
    return f"{number:0{width}d} {label}"


def fold_name(trial: int, fold: int, width: int) -> str:
    """A fold's: ``07.2``."""
    return f"{trial:0{width}d}.{fold}"


def repeat_name(trial: int, number: int, fold: int, width: int) -> str:
    """That of a fold of further cross-validation `number`, from 1: ``07.2 again 1``."""
    return f"{fold_name(trial, fold, width)} again {number}"
