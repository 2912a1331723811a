"""The search: ask, train, tell, as the schedule has it, from one process that alone talks to Optuna and MLflow."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from study import launch, record
from study.config.members import Member, TrialResult
from study.config.schema import StudyConfig
from study.core import answer_tables, interruption, prose, status_line
from study.core.errors import StudyError
from study.core.garbage import pause_collection
from study.core.records import FoldResult
from study.launch import Launcher, Packs, Worker, nothing
from study.record import Finished, Tracker
from study.scoring import references
from study.search import decisions, finish, lease, packing, remeasure, resume, start, storage
from study.search.afterwards import conclude
from study.search.checks import check_addresses, check_objectives
from study.search.closings import EndedTrial, closing_of
from study.search.deadline import UNFINISHED, OutOfTime, deadline_of, left_over
from study.search.ending import ending_of
from study.search.ledger import Ledger
from study.search.losses import Losses, is_again
from study.search.objectives import summary
from study.search.origin import artifacts, origin_of
from study.search.plan import Plan
from study.search.planning import make_plan
from study.search.progress import Progress
from study.search.races import Races
from study.search.retry import ask_failed_again
from study.search.schedules import schedule_of
from study.search.store_failures import explaining_failures
from study.search.stored import configuration_of, folds_of, replaced_numbers, result_of
from study.search.training import results_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

Report = Callable[[StudyConfig], Path]
AT_ONCE = "Ended at once. Finished folds are kept; the same command goes on from here."


@explaining_failures
def run_study(config: StudyConfig, argv: list[str], report: Report, imports: Sequence[str] = ()) -> int:
    """Run the study to its total number of trials, write the report, and return the exit status.

    Everything that the configuration can get wrong raises StudyError before anything is created. What is slow to begin
    with, study.search.start begins earlier. Ctrl-C raises KeyboardInterrupt once there is something to close, and the
    finished folds are kept. `imports` are modules that the report will want.
    """
    check_objectives(config)
    deadline_of(config)  # which may have passed
    launcher, tracker = launch.make(config), record.make(config)
    check_addresses(config, tracker)
    status_line.say("Looking at the stores")
    with pause_collection():
        storage.check(config)  # which imports much, while what workers fork from imports torch
        lease.refuse_taken(config)
        tracker.check(config)
        call = partial(launcher.call, meanwhile=start.import_beside_it(tracker, imports))
        plan = make_plan(config, call).with_decisions(decisions.recall(config))
    resume.refuse_changed(plan)
    interruption.unwind(AT_ONCE)  # from here on, there is something to close
    interruption.defer()
    return _run(plan, launcher, tracker, argv, report)


def _run(plan: Plan, launcher: Launcher, tracker: Tracker, argv: list[str], report: Report) -> int:
    status_line.say("Starting the workers, opening the stores")
    with interruption.heeding():
        launcher.start(Worker(plan.data, plan.config.engine, plan.config.model))
    # Workers import and load while this process opens its stores.
    with launcher, lease.hold(plan.config) as owned:
        if plan.config.undecided:
            with interruption.heeding():
                plan = plan.with_decisions(decisions.ask(launcher))
        ledger = Ledger(plan, lease=owned)
        ledger.keep_config()
        tracker.start(plan.config, origin_of(plan, ledger, argv), artifacts(plan))
        tracker.references(partial(references.summary, plan.examples, plan.searched_and_tested))
        return _search(plan, ledger, tracker, launcher, report)


def _search(plan: Plan, ledger: Ledger, tracker: Tracker, launcher: Launcher, report: Report) -> int:
    try:
        interruption.raise_waiting()
        with Progress(plan) as progress:
            tracker.tell_troubles(progress.say)
            progress.say((*plan.notes, *remeasure.load_notes(plan, launcher.workers)))
            driver = Driver(plan, ledger, tracker, progress, launcher)
            driver.run()
            conclude(plan, ledger, driver.results, tracker, progress, launcher, driver.train, driver.losses.open)
    except (KeyboardInterrupt, OutOfTime) as end:
        launcher.close()
        tracker.end("KILLED")
        if isinstance(end, KeyboardInterrupt):
            raise
        prose.print_prose(left_over(plan.config, driver.results))
        return UNFINISHED
    except BaseException:
        tracker.end("FAILED")
        raise
    lines, status = driver.losses.report(driver.results)
    tracker.end("KILLED" if driver.losses.open else "FINISHED")
    launcher.close()
    interruption.deliver()
    finish.announce(plan, driver.results, ledger.alone_costs(), tracker, report)
    prose.print_prose("\n".join(lines)) if lines else None
    return status


class Driver:
    """Brings a ledger to its budget: what becomes of each trial, in whichever schedule they come."""

    def __init__(self, plan: Plan, ledger: Ledger, tracker: Tracker, progress: Progress, launcher: Launcher) -> None:
        self.plan, self.ledger, self.tracker, self.progress = plan, ledger, tracker, progress
        self.launcher, self.races = launcher, Races(plan, ledger, progress)
        self.ending = ending_of(plan, ledger, tracker, progress)
        self.deadline, self.losses = deadline_of(plan.config), Losses(plan.config.study.tries, ledger)
        self.again: set[int] = set()  # trials whose finished folds do not train beside the others
        self.results: dict[int, TrialResult] = {}
        self.first: dict[object, int] = {}  # trials by what they trained, repeats and failed ones left out

    def run(self) -> None:
        """Train what is missing."""
        self.progress.say(ask_failed_again(self.ledger) if self.plan.config.study.retry else ())
        self.remember()
        schedule = schedule_of(self)
        self.progress.say(schedule.notes)
        schedule.run()

    def remember(self) -> None:
        """Take every told trial over, and record again whatever MLflow has lost of it."""
        gone = replaced_numbers(trials := self.ledger.trials())
        for trial in trials:
            interruption.raise_waiting()
            if trial.state.is_finished() and trial.number not in gone:
                result = result_of(trial, self.open(trial), self.results)
                self._finish(self._end_of(result))

    def train(self, members: list[Member], known: Collection[tuple[int, int]]) -> Iterator[FoldResult]:
        """The results of the members that are not `known` yet (by trial and fold), as they come.

        Packs are made of all of them, so that a round that was interrupted goes on in the packs that it began in.
        """
        for batch in self.stream(self.pack(members, known), known=known):
            yield from batch

    def pack(self, members: list[Member], known: Collection[tuple[int, int]] = ()) -> list[list[Member]]:
        """The members in the packs in which they train, without the packs of which every member is `known`."""
        packs = packing.compose(members, packing.sizes(self.plan.config.engine, self.ledger, self.launcher))
        return packing.outstanding(packs, known, self.again)

    def stream(
        self, packs: Packs, more: Callable[[], Packs] = nothing, known: Collection[tuple[int, int]] = ()
    ) -> Iterator[list[FoldResult]]:
        """The results that are not `known`, as many at a time as have come; `more` is asked which packs follow.

        Raises OutOfTime at the end, where packs were left out.
        """
        admit, batch = self.deadline.admit, list[FoldResult]()
        for result in results_of(self.launcher, admit(packs), lambda: admit(more())):
            if (result.trial, result.fold) not in known:
                self.deadline.note(result)
                self.progress.say(result.notes)
                batch.append(result.with_workers(self.launcher.workers))
            if batch and not self.launcher.ready:
                yield batch
                batch = []
        if batch:
            yield batch
        self.deadline.check()

    def members(self, trial: FrozenTrial, kept: dict[int, FoldResult]) -> list[Member]:
        """One member a fold, none where the trial does not fit its model, which then is each fold's result."""
        if is_again(trial):
            self.again.add(trial.number)
        try:
            return self.plan.members(trial.number, configuration_of(trial))
        except StudyError as error:
            for index in (f.index for f in self.plan.folds if f.index not in kept):
                kept[index] = FoldResult(trial.number, index, None, error=str(error))
                self.keep((trial, kept[index]))
            return []

    def open(self, trial: FrozenTrial) -> dict[int, FoldResult]:
        """Begin a trial's record, or go on with it; the folds that it has."""
        folds = folds_of(trial)
        configuration, baseline = configuration_of(trial), trial.user_attrs.get("baseline")
        label = self.plan.label(configuration)
        self.deadline.learn(trial)
        self.tracker.trial(trial.number, configuration, label, baseline)
        if (adaptation := self.plan.adaptation_or_none(configuration)) is not None:
            self.tracker.adaptation(trial.number, adaptation)
        self.progress.trial_started(trial.number, label)
        for fold in sorted(folds.values(), key=lambda fold: fold.started):  # the first one's start is the trial's
            self._record(fold)
        return folds

    def keep(self, *results: tuple[FrozenTrial, FoldResult]) -> list[FoldResult]:
        """Make folds' results durable, then record them; how they count."""
        verdicts = [(trial, self.losses.settle(trial, result)) for trial, result in results]
        settled = [(trial, verdict) for trial, verdict in verdicts if verdict is not None]
        self.ledger.keep(*settled)  # durable before anything else happens
        for _, verdict in settled:
            self._record(verdict)
        return [verdict or result for (_, result), (_, verdict) in zip(results, verdicts, strict=True)]

    def _record(self, result: FoldResult) -> None:
        self.tracker.fold(result)
        self.progress.fold_done(result)

    def tell(self, *ended: EndedTrial) -> None:
        """Close trials, in their order and at once, without those that are left to the next run."""
        told: dict[int, TrialResult] = {}
        known, finished, closings = ChainMap(told, self.results), list[Finished](), []
        for each in ended:
            if not self.losses.leave_open(each.trial.number, each.original):
                result = result_of(each.trial, each.folds, known, each.original, each.stopped)
                told[result.trial] = result
                finished.append(self._end_of(result))
                closings.append(closing_of(self.plan, each, result, finished[-1].summary))
        self.ledger.close(*closings)
        self._finish(*finished)

    def _end_of(self, result: TrialResult) -> Finished:
        """The trial's end for its record; one that repeats another has no answers of its own."""
        figures, answers = summary(result), partial(answer_tables.answers, self.plan.folds, result.folds)
        settled = replace(result, broken=tuple(map(str, self.plan.broken(figures))))
        return Finished(settled, figures, answers if result.duplicate_of is None else None)

    def _finish(self, *trials: Finished) -> None:
        self.tracker.finish_trials(trials)
        for result in (each.result for each in trials):
            self.results[result.trial] = result
            if result.duplicate_of is None:
                self.races.remember(result)
                if result.failure is None:
                    self.first.setdefault(self.plan.training(result.configuration), result.trial)
            self.progress.trial_done(result)
