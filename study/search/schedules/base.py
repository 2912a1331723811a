"""The contract of a schedule, and what it may do with the trials of a study."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, ClassVar, Protocol

from study.config.members import Member, TrialResult
from study.core.records import FoldResult
from study.launch import Launcher, Packs, nothing
from study.search.closings import EndedTrial
from study.search.ending import Ending
from study.search.ledger import Ledger
from study.search.losses import Losses
from study.search.plan import Plan
from study.search.races import Races

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

Folds = dict[int, FoldResult]  # of a trial, by fold


class TrialKeeper(Protocol):
    """What becomes of trials, whichever schedule they come in: the driver. `results` are of trials that were told,
    `first` are those among them that neither failed nor repeat another, by what they trained."""

    plan: Plan
    ledger: Ledger
    launcher: Launcher
    races: Races
    ending: Ending
    losses: Losses
    results: dict[int, TrialResult]
    first: dict[object, int]

    def open(self, trial: FrozenTrial) -> Folds:
        """Begin a trial's record, or go on with it; the folds that it has."""

    def members(self, trial: FrozenTrial, folds: Folds) -> list[Member]:
        """One member a fold; none where the trial does not fit its model, which is then the result of its `folds`."""

    def pack(self, members: list[Member], known: Collection[tuple[int, int]] = ()) -> list[list[Member]]:
        """The members in the packs in which they train, without the packs of which every member is `known`."""

    def stream(
        self, packs: Packs, more: Callable[[], Packs] = nothing, known: Collection[tuple[int, int]] = ()
    ) -> Iterator[list[FoldResult]]:
        """The results that are not `known`, as many at a time as have come; `more` is asked which packs follow.

        Raises OutOfTime at the end, where packs were left out.
        """

    def keep(self, *results: tuple[FrozenTrial, FoldResult]) -> list[FoldResult]:
        """Make folds' results durable, then record them; how they count.

        A fold that has lost its worker is kept where no other run is to try it again.
        """

    def tell(self, *ended: EndedTrial) -> None:
        """Close trials, in their order and at once, without those that are left to the next run."""


class Schedule(ABC):
    """Brings a study to its budget. Guarantees:

    there are never more trials than the budget; a fold is kept before anything else happens; what was asked for and
    not told is trained before anything else is asked for, without the folds that it has; nothing is trained twice.
    """

    name: ClassVar[str]  # of `search.schedule`
    notes: ClassVar[tuple[str, ...]] = ()  # what a person should hear of it

    def __init__(self, keeper: TrialKeeper) -> None:
        self.keeper, self.plan, self.ledger, self.races = keeper, keeper.plan, keeper.ledger, keeper.races

    @abstractmethod
    def run(self) -> None:
        """Train what is missing."""
