"""Racing on a front: a trial stops as soon as it is improbable that it adds to the front of score and costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from study.config.members import Stop
from study.core import seeding
from study.core.errors import ConfigError
from study.core.figures import MINIMIZE, costs_of, direction, is_tolerance, usual_tolerance
from study.search.objectives import score_and_costs
from study.search.pruners.base import Entry, Pruner, Race
from study.search.pruners.table import measured_cost, rows_of, table_of

DRAWS = 4000
HIGHEST = {MINIMIZE: 0.0}  # the best gain that there can be, of losses; scores end at 1


class Racing(Pruner):
    """Stops a trial when the probability that it adds more than `tolerance` to the front is below `alpha`.

    It adds to the front what its true score exceeds the best true score by among the trials that cost no more, in every
    cost by which the study's verdict is made: where the score is all that is asked for, the trained parameters. All are
    judged from one joint posterior over the study so far (study/core/evidence); a trial that has been stopped is
    nobody's rival. The least promising trial is decided on first, then the others without it. `first` folds are trained
    before anybody may stop; what no score could make worth its known cost is not trained at all. Where no `tolerance`
    is given, it is the study's own, by which its verdict is made.
    """

    def __init__(
        self,
        objectives: Sequence[str],
        seed: int,
        alpha: float = 0.05,
        tolerance: float | None = None,
        first: int = 1,
        studys_tolerance: float | None = None,
    ) -> None:
        _check(alpha, tolerance, first)
        self.score, _ = score_and_costs(objectives, "pruner=racing")
        self.costs = costs_of(objectives)
        self.seed, self.alpha, self.first = seed, alpha, first
        usual = usual_tolerance(self.score) if studys_tolerance is None else studys_tolerance
        self.tolerance = usual if tolerance is None else tolerance

    def waves(self, folds: int) -> tuple[range, ...]:
        first = min(self.first, folds)
        return (range(first), *(range(k, k + 1) for k in range(first, folds)))

    def stops(self, race: Race) -> list[Stop]:
        if not any(race.open) or not (rows := rows_of(race)):
            return []
        board = self._board(race, rows)
        stops: list[Stop] = []
        while board is not None and (stop := self._next(board)) is not None:
            stops.append(stop)
            board.leave(stop.trial)
        return stops

    def _board(self, race: Race, rows: list[Entry]) -> Board | None:
        """The race with draws of the true gains; None where nothing measures yet how wrong a score may be."""
        from study.core.evidence.posterior import draw
        from study.core.evidence.sources import estimate

        table = table_of(rows, self.score, race)
        trained = sum(len(entry.folds) for entry in rows)
        seed = seeding.derive(self.seed, "racing", rows[-1].number, trained) % 2**32
        draws = draw(estimate(table), DRAWS, seed)
        if np.isnan(draws).any():
            return None
        untrained = [entry for entry in race.open if not entry.folds]
        best = HIGHEST.get(direction(self.score), 1.0)  # is what the untrained may reach
        draws = np.concatenate([draws, np.full((len(draws), len(untrained)), best)], axis=1)
        entries = [*rows, *untrained]
        costs = [[measured_cost(entry, name) for name in self.costs] for entry in entries]
        return Board(entries, draws, np.array(costs).reshape(len(entries), -1), self.tolerance)

    def _next(self, board: Board) -> Stop | None:
        """The decision about the trial that adds to the front least probably; None where all of them may."""
        chances = {row: board.probability(row) for row in board.open()}
        row = min(chances, key=lambda row: (chances[row], row), default=None)
        if row is None or not chances[row] < self.alpha:
            return None
        entry, rival, chance = board.entries[row], board.rival(row), chances[row]
        said = f"{chance:.2g}" if chance >= 1 / DRAWS else f"below {1 / DRAWS:g}"
        verb, most = ("adds", "") if entry.folds else ("could add", "at most ")  # whatever it would have scored
        chances_said = f"to the front with probability {most}{said} (beside trial {rival})"
        reason = f"{verb} more than {self.tolerance:g} {chances_said}"
        return Stop(entry.number, len(entry.folds), reason, rival, round(chance, 6))


@dataclass
class Board:
    """Trials with draws [S, C] of their true gains and their costs [C, M], and those that have left the race.

    What a row must exceed is kept draw by draw, and made anew in those draws alone in which who leaves was the best:
    hundreds of trials may leave one after another.
    """

    entries: Sequence[Entry]
    draws: np.ndarray
    costs: np.ndarray
    tolerance: float
    left: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.by_row = np.ascontiguousarray(self.draws.T)
        self.places = {entry.number: row for row, entry in enumerate(self.entries)}
        self.alive = np.array([entry.state != "stopped" and len(entry.folds) > 0 for entry in self.entries])
        self.best: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # rivals and their best gains [S], by row
        self.chances: dict[int, float] = {}  # of those rows of which no rival has left since

    def leave(self, trial: int) -> None:
        """The trial is stopped."""
        gone = self.places[trial]
        self.left.add(trial)
        self.alive[gone] = False
        for row, (rivals, best) in self.best.items():
            if gone in rivals:
                self.best[row] = self._without(gone, rivals, best)
                self.chances.pop(row, None)

    def _without(self, gone: int, rivals: np.ndarray, best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        left, draws = rivals[rivals != gone], np.flatnonzero(self.by_row[gone] >= best)
        if len(left) and len(draws):
            best = best.copy()
            best[draws] = self.by_row[np.ix_(left, draws)].max(axis=0)
        return left, best

    def open(self) -> list[int]:
        """The rows that may still be stopped."""
        return [row for row, entry in enumerate(self.entries) if entry.open and entry.number not in self.left]

    def rivals(self, row: int) -> np.ndarray:
        """The rows that cost no more in any objective, have trained, and have not been stopped."""
        cheap = (self.costs <= self.costs[row]).all(axis=1) & self.alive
        cheap[row] = False
        return np.flatnonzero(cheap)

    def probability(self, row: int) -> float:
        """That the row's gain exceeds every rival's by more than the tolerance; 1 where it has none."""
        if row not in self.best:
            rivals = self.rivals(row)
            self.best[row] = rivals, self.by_row[rivals].max(axis=0, initial=-np.inf)
        if row not in self.chances:
            rivals, best = self.best[row]
            self.chances[row] = float((self.by_row[row] > best + self.tolerance).mean()) if len(rivals) else 1.0
        return self.chances[row]

    def rival(self, row: int) -> int:
        """The number of the best of the row's rivals."""
        rivals = self.rivals(row)
        best = int(rivals[self.draws[:, rivals].mean(axis=0).argmax()])
        return self.entries[best].number


def _check(alpha: float, tolerance: float | None, first: int) -> None:
    """Raise ConfigError for a value that is impossible."""
    if not 0 < alpha < 1:
        raise ConfigError(f"pruner.alpha={alpha}", "is a probability", "write a number between 0 and 1, such as 0.05")
    if tolerance is not None and not is_tolerance(tolerance):
        rule = "is no score that one can lose"
        remedy = "write a difference of scores of 0 or more, such as 0.01, or null for the study's own"
        raise ConfigError(f"pruner.tolerance={tolerance}", rule, remedy)
    if type(first) is not int or first < 1:
        raise ConfigError(f"pruner.first={first}", "is no number of folds", "write 1 or more")
