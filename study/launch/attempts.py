"""What is tried again where a worker died with the pack that it trained."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from study.config.members import Member
from study.core.errors import first_line
from study.core.records import FoldResult

DIED = "its worker process died, twice"
ALONE = 2  # deaths of a worker with one member and nothing else that make the member fail
STILLBORN = 3  # workers in a row that die as they begin, after which others would too


class Died(Exception):
    """What trained or was asked is gone, with its answer, or the way to it is."""


@dataclass(frozen=True)
class Attempt:
    """A pack, and how many workers have died with it.

    The first death counts for nothing: what was trained beside the pack may be to blame, or the machine. The pack is
    tried again as it is before it is halved, since packs of another size may round in another way.
    """

    pack: tuple[Member, ...]
    deaths: int = 0

    def after_death(self, said: str = DIED) -> tuple[list[Attempt], list[FoldResult]]:
        """What is to be tried next, alone, and whose failure is final, which is then `said`."""
        if self.deaths < ALONE:
            return [Attempt(self.pack, self.deaths + 1)], []
        if len(self.pack) == 1:
            (member,) = self.pack
            return [], [FoldResult(member.trial, member.fold, None, error=said, transient=True)]
        half = len(self.pack) // 2
        return [_suspect(self.pack[:half]), _suspect(self.pack[half:])], []

    def after_hang(self, limit: str) -> tuple[list[Attempt], list[FoldResult]]:
        """The same where it had no answer within the `limit`, of a launcher's key: it is tried once more."""
        said = f"its worker had no answer within {limit}, twice; write a longer one"
        return replace(self, deaths=max(self.deaths, ALONE - 1)).after_death(said)

    def after_error(self, error: Exception) -> list[FoldResult]:
        """The failures of members that cannot be understood where they were to train."""
        said = f"{type(error).__name__}: {first_line(error)}"
        return [FoldResult(m.trial, m.fold, None, error=said) for m in self.pack]


class Waiting:
    """Attempts to come: what is tried again, then the packs, which are asked for one by one as there is room."""

    def __init__(self, packs: Iterable[list[Member]]) -> None:
        self.again: deque[Attempt] = deque()
        self._coming: deque[Iterator[list[Member]]] = deque()
        self._left: int | None = 0  # None where only the packs themselves know
        self.follow(packs)

    def follow(self, packs: Iterable[list[Member]]) -> None:
        """Let these come after the rest."""
        if packs == []:
            return
        self._coming.append(iter(packs))
        if self._left is not None and isinstance(packs, list):
            self._left += len(packs)
        else:
            self._left = None

    @property
    def over(self) -> bool:
        """Whether nothing is known to come."""
        return self._left == 0 and not self.again

    def take(self) -> Attempt | None:
        """The next one; None where there is no more."""
        if self.again:
            return self.again.popleft()
        while self._coming:
            if (pack := next(self._coming[0], None)) is not None:
                self._left = None if self._left is None else self._left - 1
                return Attempt(tuple(pack))
            self._coming.popleft()
        self._left = 0
        return None

    def retry(self, attempts: list[Attempt]) -> None:
        """Let these come before the rest."""
        self.again.extendleft(reversed(attempts))

    def take_some(self, most: int) -> list[Attempt]:
        """So many of the next ones, or what there is."""
        some = (self.take() for _ in range(most) if not self.over)
        return [attempt for attempt in some if attempt is not None]

    def take_all(self) -> list[Attempt]:
        """All that are left."""
        left = []
        while (attempt := self.take()) is not None:
            left.append(attempt)
        return left


def _suspect(part: tuple[Member, ...]) -> Attempt:
    """A part of a pack that is to blame: halved at its next death, but a member has all its attempts."""
    return Attempt(part, 1 if len(part) == 1 else ALONE)
