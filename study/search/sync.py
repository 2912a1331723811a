"""What the store of a study has and its record lacks, sent to the record; nothing is trained."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study import record
from study.config.members import count_results
from study.config.options import IN_MLFLOW, UNTRACKED
from study.config.schema import StudyConfig
from study.core import addresses, status_line
from study.core.errors import ConfigError
from study.core.mlflow_store import TAG, VARIABLE
from study.core.records import Provenance
from study.record import Tracker
from study.scoring import references
from study.search import decisions, finish, lease, reconsider, repeats
from study.search.driver import Driver
from study.search.ledger import Ledger
from study.search.origin import artifacts, origin_of
from study.search.plan import Plan
from study.search.planning import make_plan
from study.search.progress import Progress
from study.search.store_failures import explaining_failures
from study.search.stored import find

if TYPE_CHECKING:
    from study.launch import Launcher


@explaining_failures
def sync(config: StudyConfig, report: Callable[[StudyConfig], Path]) -> int:
    """Send what the record of the stored study lacks, write its report, and return the exit status.

    Of the configuration, only the study's name and the stores count; the rest is as the study was last run. Raises
    StudyError where there is no such study, another driver runs it, or the record takes nothing.
    """
    _, stored = find(config.storage.url, config.study.name)
    config = replace(stored, storage=config.storage, tracking=_tracking(config, stored))
    tracker = record.make(config)
    if tracker.unreported:
        remedy = "write tracking=mlflow with its address, tracking.uri=..."
        raise ConfigError(f"study.name={config.study.name}", f"has no record ({tracker.unreported})", remedy)
    lease.refuse_taken(config)
    tracker.check(config)
    plan = make_plan(config).with_decisions(decisions.recall(config))
    status_line.say("Sending what the record lacks")
    with lease.hold(config) as owned:
        ledger = Ledger(plan, resumed=False, lease=owned)
        tracker.start(config, _origin(plan, ledger), artifacts(plan))
        driver = _send(plan, ledger, tracker)
    finish.announce(plan, driver.results, ledger.alone_costs(), tracker, report)
    return 0


def _tracking(config: StudyConfig, stored: StudyConfig) -> dict[str, Any]:
    """Where the record is to be: as the command says, else where the study was recorded, by a password that is known.

    ConfigError where that address was kept without its password and none that is known belongs there.
    """
    if config.tracking != IN_MLFLOW or stored.tracking == UNTRACKED:
        return config.tracking
    if (uri := stored.tracking.get("uri")) is None:
        return stored.tracking
    uri = addresses.with_password_of(uri, (config.storage.url, os.environ.get(VARIABLE)))
    if addresses.is_masked(uri):
        remedy = "write tracking.uri=... with it, as in the study's own command"
        raise ConfigError(f"tracking.uri={uri}", "was kept without its password", remedy)
    return {**stored.tracking, "uri": uri}


def _origin(plan: Plan, ledger: Ledger) -> Provenance:
    """That of the study, without a command: this one is none that searches."""
    tags = origin_of(plan, ledger, []).tags
    return Provenance({key: tag for key, tag in tags.items() if key not in (f"{TAG}command", f"{TAG}arguments")})


def _send(plan: Plan, ledger: Ledger, tracker: Tracker) -> Driver:
    """Tell the tracker everything, and return the driver that knows the results."""
    tracker.references(partial(references.summary, plan.examples, plan.searched_and_tested))
    with Progress(plan) as progress:
        tracker.tell_troubles(progress.say)
        nothing: Launcher = None  # type: ignore[assignment]
        driver = Driver(plan, ledger, tracker, progress, nothing)
        driver.remember()
        for trial in (trial for trial in ledger.trials() if not trial.state.is_finished()):
            driver.open(trial)
        repeats.Repeats(plan, ledger, tracker, progress, driver.train).remember(driver.results)
        for number, figures in [*ledger.test_scores().items(), *ledger.alone_costs().items()]:
            tracker.add_figures(number, figures)
        reconsider.settle(plan, ledger, driver.results, tracker)
        finish.record_exports(ledger, tracker)
        ending = ledger.ending()
        settled = bool(ending) and not ending["past"]
        if settled:
            tracker.note_ending(ending["reason"])
    tracker.end("FINISHED" if settled or count_results(driver.results) >= plan.config.study.trials else "KILLED")
    return driver
