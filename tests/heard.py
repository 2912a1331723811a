"""A fit that tests watch from inside: what its members have learned when an epoch ends, and one that leaves early."""

from __future__ import annotations

from collections.abc import Callable

from study.config.members import Member
from study.core.records import Epoch
from study.engine.fit import Course, Fit


class Heard(Fit):
    """Tells of each member's every epoch, while it is still in the pack; the member leaves where the answer is true."""

    hear: Callable[[Member, Epoch], bool]

    def heard(self, hear: Callable[[Member, Epoch], bool]) -> list[Course]:
        """Train every member to its end, or to where it is told to leave; the courses in the members' order."""
        self.hear, self.told = hear, dict.fromkeys([course.member.trial for course in self.courses], 0)
        return self.run()

    def _keep(self, stays: list[bool]) -> None:
        leaves = [self._leaves(course) for course in self.courses]  # of those too whose training is over
        super()._keep([stay and not told for stay, told in zip(stays, leaves, strict=True)])

    def _leaves(self, course: Course) -> bool:
        known, self.told[course.member.trial] = self.told[course.member.trial], len(course.epochs)
        return len(course.epochs) > known and self.hear(course.member, course.epochs[-1])
