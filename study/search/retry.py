"""Failed trials, asked again on request: a told trial cannot be changed, so that another one takes its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.core.formatting import plural
from study.search.stored import replaced_numbers, replacement_of

if TYPE_CHECKING:
    from study.search.ledger import Ledger


def ask_failed_again(ledger: Ledger) -> tuple[str, ...]:
    """Ask every failed trial again, once, with its scored folds; what a person should hear of it.

    Those that repeat another come before it: whoever is interrupted leaves no trial that repeats one that is gone.
    """
    from optuna.trial import TrialState

    trials = ledger.trials()
    gone = replaced_numbers(trials)
    failed = [t for t in trials if t.state == TrialState.FAIL and t.number not in gone]
    ledger.add([replacement_of(trial, len(trials) + place) for place, trial in enumerate(reversed(failed))])
    return (f"study.retry=failed asks {plural(len(failed), 'failed trial')} again",) if failed else ()
