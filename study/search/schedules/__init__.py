"""When trials are asked for, and when what is decided of them is decided: the schedule that `search.schedule` names."""

from __future__ import annotations

from study.search.schedules.base import Schedule, TrialKeeper
from study.search.schedules.by_rounds import Rounds
from study.search.schedules.free_workers import FreeWorkers
from study.search.schedules.rolling import Rolling

__all__ = ["Schedule", "TrialKeeper", "schedule_of"]

BY_NAME: dict[str, type[Schedule]] = {kind.name: kind for kind in (Rounds, Rolling, FreeWorkers)}


def schedule_of(keeper: TrialKeeper) -> Schedule:
    """The schedule of the keeper's study."""
    return BY_NAME[keeper.plan.config.search.schedule](keeper)
