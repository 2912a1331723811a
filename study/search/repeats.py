"""More cross-validations, after the search, of the configurations between which its results cannot tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from study.config.members import Member, TrialResult
from study.core import answer_tables, figures, seeding
from study.core.formatting import plural
from study.core.records import FoldResult
from study.data.folds import repeat_of
from study.search.ledger import Ledger
from study.search.levels import levels_without_training
from study.search.plan import Plan
from study.search.stored import with_repeats
from study.search.verdict import judge_results

if TYPE_CHECKING:
    from study.record import Tracker
    from study.search.progress import Progress

Train = Callable[[list[Member], set[tuple[int, int]]], Iterator[FoldResult]]
Results = Mapping[int, TrialResult]


def train_undecided(
    plan: Plan,
    ledger: Ledger,
    results: dict[int, TrialResult],
    tracker: Tracker,
    progress: Progress,
    train: Train,
    lost: dict[int, str],
) -> None:
    """Give the study's `results` their further cross-validations, until `study.repeats` allows no more of them or
    nothing is undecided; what was already trained is recorded again where the record has lost it.

    Where folds have lost their workers, `lost` is told why by trial, and no cross-validation follows before the next
    run has them.
    """
    repeats = Repeats(plan, ledger, tracker, progress, train)
    repeats.remember(results)
    for number in range(1, plan.config.study.most_repeats):
        if not repeats.train(number, results) or repeats.lost:
            break
    lost |= repeats.lost
    results |= with_repeats(results, repeats.known)


class Repeats:
    """The further cross-validations of a study, one after another. Guarantees:

    what one trains depends on the results of the search and of those before it alone, so that a study that is resumed
    trains what it would have; all of it trains on the same folds with the same seeds; a fold is durable before
    anything else happens to it.
    """

    def __init__(self, plan: Plan, ledger: Ledger, tracker: Tracker, progress: Progress, train: Train) -> None:
        self.plan, self.ledger, self.tracker, self.progress, self.run = plan, ledger, tracker, progress, train
        self.known = ledger.repeats()
        self.lost: dict[int, str] = {}  # why folds are left to the next run, by trial

    def remember(self, results: Results) -> None:
        """Record what is known of before."""
        for folds in self.known.values():
            for result in folds.values():
                self.tracker.repeat(result, *repeat_of(len(self.plan.folds), result.fold))
        self._record([number for number in self.known if number in results], results)

    def train(self, number: int, results: Results) -> bool:
        """Train cross-validation `number` of whatever the ones before it leave undecided; whether there is any."""
        undecided = self._find_undecided(number, results)
        if not undecided:
            self.progress.say((self._conclusion(number),))
            return False
        if not self._affordable(number, undecided, results):
            budget = "study.repeats=auto has used as many fold-trainings as the search"
            self.progress.say((f"{budget}, and {self._names(undecided, results)} are still undecided",))
            return False
        members = [m for n in undecided for m in self._members(number, results[n])]
        known = {(trial, index) for trial, folds in self.known.items() for index in folds}
        self.progress.say((f"Cross-validation {number + 1} of {self._names(undecided, results)}, which are undecided",))
        self.progress.expect(len(members))
        for result in (r.sound() for r in self.run(members, known)):
            self._keep(result)
        self._record(undecided, results)
        return True

    def _find_undecided(self, number: int, results: Results) -> list[int]:
        """The trials that are undecided by the cross-validations before `number`, in their order."""
        before = {trial: self._until(number, folds) for trial, folds in self.known.items()}
        judgement = judge_results(self.plan, with_repeats(results, before), levels=self._levels)
        return [] if judgement is None else sorted(int(judgement.table.numbers[r]) for r in judgement.verdict.undecided)

    def _until(self, number: int, folds: Mapping[int, FoldResult]) -> dict[int, FoldResult]:
        k = len(self.plan.folds)
        return {index: result for index, result in folds.items() if repeat_of(k, index)[0] < number}

    @cached_property
    def _levels(self) -> list[float]:
        return [*levels_without_training(self.plan).values()]

    def _affordable(self, number: int, undecided: list[int], results: Results) -> bool:
        """Whether `auto` may train it: with it, repeats take no more fold-trainings than the search did."""
        if self.plan.config.study.repeats != "auto":
            return True
        searched = sum(len(result.folds) for result in results.values() if result.duplicate_of is None)
        before = sum(len(self._until(number, folds)) for folds in self.known.values())
        return before + len(undecided) * len(self.plan.folds) <= searched

    def _members(self, number: int, result: TrialResult) -> list[Member]:
        configuration, seed = result.configuration, self.plan.config.study.seed
        adaptation = self.plan.adaptation(configuration)
        return [
            Member(result.trial, fold.index, configuration, seeding.derive(seed, "repeat", number, k), adaptation)
            for k, fold in enumerate(self.plan.repeat(number))
        ]

    def _keep(self, result: FoldResult) -> None:
        number, fold = repeat_of(len(self.plan.folds), result.fold)
        if result.transient:  # the next run tries again
            self.lost[result.trial] = f"{result.error} (cross-validation {number + 1}, fold {fold})"
        else:
            self.ledger.keep_repeat(result)  # durable before anything else happens
            self.known.setdefault(result.trial, {})[result.fold] = result
            self.tracker.repeat(result, number, fold)
        self.progress.repeat_done(result)
        if result.error:
            where = f"cross-validation {number + 1}, fold {fold}"
            self.progress.say((f"Trial {result.trial} has no score in {where} ({result.error.rstrip('.')})",))

    def _record(self, trials: list[int], results: Results) -> None:
        """Record the answers and the figures of whole cross-validations: a number that is recorded does not change."""
        k = len(self.plan.folds)
        for trial in trials:
            by_number: dict[int, list[FoldResult]] = {0: list(results[trial].folds)}
            for index, result in sorted(self.known.get(trial, {}).items()):
                by_number.setdefault(repeat_of(k, index)[0], []).append(result)
            whole = {number: folds for number, folds in by_number.items() if len(folds) == k}
            scores = [
                {repeat_of(k, f.fold)[1]: f.score for f in whole.get(number, []) if f.score is not None}
                for number in range(max(whole, default=0) + 1)
            ]
            if summary := figures.repeat_figures(scores):
                folds = [fold for number in whole if number for fold in self.plan.repeat(number)]
                further = [f for number, each in whole.items() if number for f in each]
                if table := answer_tables.answers(folds, further):
                    self.tracker.repeat_answers(trial, table)
                self.tracker.add_figures(trial, summary)

    def _conclusion(self, number: int) -> str:
        if number == 1:
            return "The choice is decided, so that study.repeats trains nothing"
        return f"The choice is decided after {plural(number, 'cross-validation')}"

    def _names(self, trials: list[int], results: Results) -> str:
        """The labels of the first of them, and how many more there are."""
        labels = [self.plan.label(results[number].configuration) for number in trials]
        more = [plural(len(labels) - 4, "other")] if len(labels) > 4 else []
        return ", ".join([*labels[:4], *more])
