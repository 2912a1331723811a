"""The contract of a tracker: a record of a study beside its store, for readers and for the report."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from study.config.members import TrialResult
from study.config.schema import Configuration, StudyConfig
from study.core.answer_tables import Table
from study.core.errors import first_line
from study.core.records import Adaptation, FoldResult, Provenance

Say = Callable[[tuple[str, ...]], None]


@dataclass(frozen=True)
class Finished:
    """A trial that has ended, its means and standard errors, and what computes its table of answers, if it has one."""

    result: TrialResult
    summary: dict[str, float]
    answers: Callable[[], Table] | None = None


class Tracker(ABC):
    """Records a study, its trials and their folds. Guarantees:

    making one and its checks create nothing, and what can be known to be wrong is said there; whoever tells the same
    trial or fold again leaves one record; a trial is FINISHED where each of its folds has a score, FAILED where one has
    none, KILLED where it was stopped before its last fold, and stays as it is from then on; what is open at the end is
    KILLED too, and goes on where the study does; a trial lasts from the start of its first fold to the end of its last
    one; a study that is started again goes on in its own record, known by the tag `lora_study.study_id`; records of
    others are neither taken nor changed.

    A call that the record's place refuses, or does not answer, raises an error of which :meth:`refusal` knows; after
    :meth:`reopen` it may be made again, and those after it, as if it had not been.

    It is called by the driver alone: the checks, `start`, then trials in any order (`trial`, `fold`, `folds`,
    `answers`, `finish_trial`, `finish_trials`, `repeat`, `repeat_answers`, `add_figures`, `rejudge`), `references`,
    `note_ending` and `wait`, then `end`, then `report`.
    """

    unreported: str = "this study's tracker keeps none"  # why there is no report; empty where one can be made
    imports: tuple[str, ...] = ()  # modules that :meth:`start` will want, beside those that :meth:`check` imports
    missing: str = ""  # why the record lacks some of what it was told; empty where it lacks nothing

    def refusal(self, error: BaseException) -> str:
        """In a few words, why the record's place did not take what ended in this error; empty where it is no reason."""
        return first_line(error) if isinstance(error, OSError) else ""

    def reopen(self) -> None:  # noqa: B027 -- what is kept in one file is there or not
        """Find out what is there, after a call that may have been made in part."""

    def tell_troubles(self, say: Say) -> None:  # noqa: B027 -- there may be none
        """From now on, tell a person what the record cannot take, and when it takes it again."""

    def check_address(self) -> None:  # noqa: B027 -- there may be no address
        """Raise ConfigError where the arguments alone show that nothing can be kept there; imports no library."""

    def check(self, config: StudyConfig) -> None:  # noqa: B027 -- there may be nothing to find out
        """Raise ConfigError where the study cannot be recorded for a reason that can be known; creates nothing."""

    @abstractmethod
    def start(self, config: StudyConfig, provenance: Provenance, artifacts: dict[str, Any]) -> None:
        """Open the study's record, or go on with it; `artifacts` are files by name, as what JSON or YAML can hold."""

    @abstractmethod
    def trial(self, number: int, configuration: Configuration, label: str, baseline: str | None) -> None:
        """Open a trial's record, or go on with it."""

    @abstractmethod
    def adaptation(self, number: int, adaptation: Adaptation) -> None:
        """Record what an open or closed trial's configuration comes to on its model, once."""

    @abstractmethod
    def fold(self, result: FoldResult) -> None:
        """Record a finished fold of an open trial."""

    def folds(self, results: Sequence[FoldResult]) -> None:
        """Record finished folds of open trials, which some trackers do faster than one by one."""
        for result in results:
            self.fold(result)

    @abstractmethod
    def answers(self, number: int, compute: Callable[[], Table]) -> None:
        """Record what an open or closed trial answered to each held-out example, once; a table without columns is none.

        `compute` is called where it is not recorded yet. A trial that repeats another has no table of its own.
        """

    @abstractmethod
    def finish_trial(self, result: TrialResult, summary: dict[str, float]) -> None:
        """Close a trial's record with its means and standard errors."""

    def finish_trials(self, trials: Sequence[Finished]) -> None:
        """Record what trials answered and close them, which some trackers do faster than one by one."""
        for each in trials:
            if each.answers is not None:
                self.answers(each.result.trial, each.answers)
            self.finish_trial(each.result, each.summary)

    @abstractmethod
    def add_figures(self, number: int, figures: dict[str, float]) -> None:
        """Add what was measured of a trial after the search: its held-out score, its exports."""

    def rejudge(self, trial: Finished) -> None:  # noqa: B027 -- a tracker may keep no such thing
        """Record anew which constraints a closed trial breaks, where what was measured after the search decides it."""

    def repeat(self, result: FoldResult, number: int, fold: int) -> None:  # noqa: B027 -- as of what it leaves out
        """Record a finished fold of the further cross-validation of that number, from 1, of a closed trial, once.

        A record that has no room for it leaves it out; its score comes with :meth:`add_figures` too.
        """

    def repeat_answers(self, number: int, table: Table) -> None:  # noqa: B027 -- as of what it leaves out
        """Record what a closed trial answered in its further cross-validations, in place of what was recorded before.

        A record that has no room for it leaves it out.
        """

    @abstractmethod
    def references(self, compute: Callable[[], dict[str, float]]) -> None:
        """Record what needs no training; `compute` is called where it is not recorded yet."""

    def note_ending(self, reason: str) -> None:  # noqa: B027 -- a tracker may keep no such thing
        """Record why the search ended before its budget, in a sentence; an empty one where it goes on after all."""

    def wait(self) -> None:  # noqa: B027 -- most trackers have written when a call returns
        """Return when all that was recorded so far is written, and nothing of the tracker's works beside its caller."""

    @abstractmethod
    def end(self, status: str) -> None:
        """Close the record: FINISHED, KILLED or FAILED."""

    @abstractmethod
    def report(self, folder: Path) -> None:
        """Attach the report, and show the answer that it holds: study/core/conclusion.py."""

    def command(self) -> str:
        """What a person types to look at the record; empty where there is nothing to look at."""
        return ""

    def page(self) -> str:
        """Where a browser then shows the trials, best first, once the study has started; empty where nothing does."""
        return ""
