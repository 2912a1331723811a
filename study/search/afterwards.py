"""What follows a search, in this order: what is undecided is trained again, costs are measured alone, the test is
taken."""

from __future__ import annotations

from study.config.members import TrialResult
from study.launch import Launcher
from study.record import Tracker
from study.search import finish, reconsider, remeasure, repeats
from study.search.finish import Train
from study.search.ledger import Ledger
from study.search.plan import Plan
from study.search.progress import Progress


def conclude(
    plan: Plan,
    ledger: Ledger,
    results: dict[int, TrialResult],
    tracker: Tracker,
    progress: Progress,
    launcher: Launcher,
    train: Train,
    lost: dict[int, str],
) -> None:
    """Do all of it for the search's results, which become what is known then, and say what a person should hear.

    Where folds have lost their workers, `lost` is told why, by trial.
    """
    with progress.measuring():
        progress.say(reconsider.reconsider(plan, ledger, results, tracker, launcher))
    repeats.train_undecided(plan, ledger, results, tracker, progress, train, lost)
    with progress.measuring():
        progress.say(remeasure.remeasure(plan, ledger, results, tracker, launcher))
    progress.say(reconsider.settle(plan, ledger, results, tracker))
    progress.say(finish.score_tests(plan, ledger, results, tracker, progress.counting(train)))
    finish.record_exports(ledger, tracker)
