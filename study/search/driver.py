"""The search: rounds of ask, train, tell, from one process that alone talks to Optuna and MLflow."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from study import launch, record
from study.config.members import Member, Stop, TrialResult
from study.config.schema import StudyConfig
from study.core import answer_tables, seeding, stores
from study.core.errors import StudyError
from study.core.records import FoldResult
from study.launch import Launcher, Worker
from study.record import Tracker
from study.scoring import references
from study.search import decisions, finish, packing, storage
from study.search.checks import check_objectives
from study.search.ledger import Ledger
from study.search.objectives import summary
from study.search.origin import artifacts, origin_of
from study.search.plan import Plan, make_plan
from study.search.progress import Progress
from study.search.races import Races
from study.search.stored import configuration_of, folds_of, result_of, stop_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

INTERRUPTED = 130  # what shells expect of a program that Ctrl-C ended

Report = Callable[[StudyConfig], Path]


def run_study(config: StudyConfig, argv: list[str], report: Report) -> int:
    """Run the study to its total number of trials, write the report, and return the exit status.

    Everything that the configuration can get wrong raises StudyError before anything is created. What is slow to begin
    with, study.search.start begins earlier.
    """
    check_objectives(config)
    launcher, tracker = launch.make(config), record.make(config)
    _check_addresses(config, tracker)
    # Both import much, while what workers fork from imports torch.
    storage.check(config)
    tracker.check(config)
    plan = make_plan(config, launcher.call)
    plan = plan.with_decisions(decisions.recall(config))
    try:
        return _run(plan, launcher, tracker, argv, report)
    except KeyboardInterrupt:
        print("Stopped. Finished folds are kept; the same command goes on from here.", file=sys.stderr)
        return INTERRUPTED


def _run(plan: Plan, launcher: Launcher, tracker: Tracker, argv: list[str], report: Report) -> int:
    # Workers import and load while this process opens its stores.
    with launcher.start(Worker(plan.data, plan.config.engine, plan.config.model)):
        if plan.config.undecided:
            plan = plan.with_decisions(decisions.ask(launcher))
        ledger = Ledger(plan)
        ledger.keep_config()
        tracker.start(plan.config, origin_of(plan, ledger, argv), artifacts(plan))
        tracker.references(partial(references.summary, plan.examples, plan.data.folds))
        return _search(plan, ledger, tracker, launcher, report)


def _check_addresses(config: StudyConfig, tracker: Tracker) -> None:
    stores.check("storage.url", config.storage.url, stores.OPTUNA)
    tracker.check_address()
    stores.check_folder("report.dir", config.report.dir)


def _search(plan: Plan, ledger: Ledger, tracker: Tracker, launcher: Launcher, report: Report) -> int:
    try:
        with Progress(plan) as progress:
            progress.say(plan.notes)
            driver = Driver(plan, ledger, tracker, progress, launcher)
            driver.run()
            progress.say(finish.score_tests(plan, ledger, driver.results, tracker, driver.train))
            finish.record_exports(ledger, tracker)
    except KeyboardInterrupt:
        tracker.end("KILLED")
        raise
    except BaseException:
        tracker.end("FAILED")
        raise
    tracker.end("FINISHED")
    launcher.close()
    finish.announce(plan, driver.results, tracker, report)
    return 0 if any(r.complete for r in driver.results.values()) else 1


class Driver:
    """Brings a ledger to its budget; decisions fall at the end of a round, in the order of the trials."""

    def __init__(self, plan: Plan, ledger: Ledger, tracker: Tracker, progress: Progress, launcher: Launcher) -> None:
        self.plan, self.ledger, self.tracker, self.progress = plan, ledger, tracker, progress
        self.launcher, self.races = launcher, Races(plan, ledger, progress)
        self.results: dict[int, TrialResult] = {}
        self.first: dict[object, int] = {}  # trials by what they trained, repeats and failed ones left out

    def run(self) -> None:
        """Train what is missing."""
        from optuna.trial import TrialState

        for trial in self.ledger.trials():
            if trial.state != TrialState.RUNNING:
                self._remember(trial)
        total, size = self.plan.config.study.trials, self.plan.config.search.round
        done = len(self.results)
        while done < total:
            until = min(total, (done // size + 1) * size)
            self._round(self.ledger.ask_until(until))
            done = until

    def _remember(self, trial: FrozenTrial) -> None:
        """Take a told trial over, and record again whatever MLflow has lost of it."""
        folds = folds_of(trial)
        self._open(trial)
        for fold in sorted(folds.values(), key=lambda fold: fold.started):  # the first one's start is the trial's
            self.tracker.fold(fold)
        result = result_of(trial, folds, self.results)
        self._finish(result, summary(result))

    def _round(self, trials: list[FrozenTrial]) -> None:
        originals, kept = self._originals(trials), {t.number: folds_of(t) for t in trials}
        by_number = {t.number: t for t in trials}
        for trial in trials:
            self._open(trial)
            for result in sorted(kept[trial.number].values(), key=lambda fold: fold.started):
                self._fold(trial, result, stored=True)
        runners = [t for t in trials if t.number not in originals]
        members = [m for t in runners for m in self._members(t, kept[t.number])]
        stops = {t.number: stop for t in runners if (stop := stop_of(t)) is not None}
        for wave in self.races.waves():
            stops |= self.races.stop(runners, kept, stops, wave.start)
            going = self.races.going(runners, kept, stops, wave.start)
            wanted = [m for m in members if m.fold in wave and m.trial in going]
            for result in self.train(wanted, {(t, f) for t, folds in kept.items() for f in folds}):
                kept[result.trial][result.fold] = result
                self._fold(by_number[result.trial], result)
        estimates = self.races.estimates(runners, kept, stops)
        for trial in trials:  # an original comes before what repeats it
            stop = stops.get(trial.number)
            self._tell(trial, kept[trial.number], originals.get(trial.number), stop, estimates.get(trial.number))

    def train(self, members: list[Member], known: set[tuple[int, int]]) -> Iterator[FoldResult]:
        """The results of the members that are not `known` yet (by trial and fold), as they come.

        Packs are made of all of them, so that a round that was interrupted goes on in the packs that it began in.
        """
        packs = packing.compose(members, self._size)
        for result in self.launcher.run([p for p in packs if not all((m.trial, m.fold) in known for m in p)]):
            if (result.trial, result.fold) not in known:
                self.progress.say(result.notes)
                yield result

    def _size(self, group: str, members: list[Member]) -> int:
        """How many of the group train together: as configured, or measured once and kept with the study."""
        if self.plan.config.engine.pack != "auto":
            return int(self.plan.config.engine.pack)
        sizes = self.ledger.pack_sizes()
        if group not in sizes:
            sizes[group] = self.launcher.pack_size(members)
            self.ledger.keep_pack_size(group, sizes[group])
        return sizes[group]

    def _originals(self, trials: list[FrozenTrial]) -> dict[int, int]:
        """Which trials repeat an earlier one, told or of this round; failed ones are tried again."""
        first, out = dict(self.first), {}
        for trial in trials:
            known = first.setdefault(self.plan.training(configuration_of(trial)), trial.number)
            if known != trial.number:
                out[trial.number] = known
        return out

    def _members(self, trial: FrozenTrial, kept: dict[int, FoldResult]) -> list[Member]:
        """One member a fold, none where the trial does not fit its model, which then is each fold's result.

        The seed is the fold's: trials are compared in pairs, fold by fold.
        """
        configuration, seed = configuration_of(trial), self.plan.config.study.seed
        try:
            adaptation = self.plan.adaptation(configuration)
        except StudyError as error:
            for index in (f.index for f in self.plan.folds if f.index not in kept):
                kept[index] = FoldResult(trial.number, index, None, error=str(error))
                self._fold(trial, kept[index])
            return []
        return [
            Member(trial.number, f.index, configuration, seeding.derive(seed, "fold", f.index), adaptation)
            for f in self.plan.folds
        ]

    def _open(self, trial: FrozenTrial) -> None:
        configuration, baseline = configuration_of(trial), trial.user_attrs.get("baseline")
        label = self.plan.label(configuration)
        self.tracker.trial(trial.number, configuration, label, baseline)
        if (adaptation := self.plan.adaptation_or_none(configuration)) is not None:
            self.tracker.adaptation(trial.number, adaptation)
        self.progress.trial_started(trial.number, label)

    def _fold(self, trial: FrozenTrial, result: FoldResult, stored: bool = False) -> None:
        if not stored:
            self.ledger.keep(trial, result)  # durable before anything else happens
        self.tracker.fold(result)
        self.progress.fold_done(result)

    def _tell(
        self,
        trial: FrozenTrial,
        folds: dict[int, FoldResult],
        original: int | None,
        stopped: Stop | None,
        estimate: list[float] | None,
    ) -> None:
        if original is not None:
            self.ledger.note(trial, "duplicate_of", original)
        result = result_of(trial, folds, self.results, original, stopped)
        figures = summary(result)
        self.ledger.describe(trial, self.plan.label(result.configuration), figures)
        if self.plan.constraints:
            self.ledger.keep_constraints(trial, {**self.plan.known_figures(result.configuration), **figures})
        if result.stopped is None:
            self.ledger.tell(trial.number, self._values(result, figures))
        else:
            self.ledger.tell_stopped(trial, estimate)
        self._finish(result, figures)

    def _finish(self, result: TrialResult, figures: dict[str, float]) -> None:
        result = replace(result, broken=tuple(map(str, self.plan.broken(figures))))
        if result.duplicate_of is None:
            self.tracker.answers(result.trial, partial(answer_tables.answers, self.plan.folds, result.folds))
        self.tracker.finish_trial(result, figures)
        self.results[result.trial] = result
        if result.duplicate_of is None:
            self.races.remember(result)
            if result.failure is None:
                self.first.setdefault(self.plan.training(result.configuration), result.trial)
        self.progress.trial_done(result)

    def _values(self, result: TrialResult, figures: dict[str, float]) -> list[float] | None:
        values = [figures.get(name, math.nan) for name in self.plan.config.objectives]
        return values if result.complete and all(map(math.isfinite, values)) else None
