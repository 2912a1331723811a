"""Trials that break bounds on measured costs: whether they do is said by what they cost alone, once that is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from study.config.bounds import Bound
from study.config.members import TrialResult
from study.core.alone import is_loaded, with_alone
from study.core.figures import ALONE
from study.core.formatting import plural
from study.launch import Launcher
from study.record import Finished, Tracker
from study.search.ledger import Ledger
from study.search.objectives import summary
from study.search.plan import Plan
from study.search.remeasure import measure_alone

FARTHEST = 8.0  # times a limit: what is beyond it by more was not slowed down by other trainings alone
MOST = 16  # trials that are measured alone for it, those first that are beyond their limits by least


def reconsider(
    plan: Plan, ledger: Ledger, results: dict[int, TrialResult], tracker: Tracker, launcher: Launcher
) -> tuple[str, ...]:
    """Measure alone what breaks bounds on measured costs alone, and not by far, and let that decide in `results`.

    Call it when the search is over, before anything is made of its front. Returns what a person should hear of it.
    """
    notes = measure_alone(plan, ledger, results, tracker, launcher, slowed_down(plan, results))
    return (*notes, *settle(plan, ledger, results, tracker))


def settle(plan: Plan, ledger: Ledger, results: dict[int, TrialResult], tracker: Tracker) -> tuple[str, ...]:
    """Let what was measured alone decide in `results`, and in the record, which constraints trials break.

    Returns what a person should hear of what that changed. What samplers have learned stays as the search saw it.
    """
    alone = ledger.alone_costs() if plan.constraints else {}
    feasible: list[int] = []
    for number, result in results.items():
        measured = alone.get(number if result.duplicate_of is None else result.duplicate_of)
        if measured is None or not result.complete:
            continue
        figures = summary(result)
        broken = tuple(map(str, plan.broken(with_alone({**figures, **measured}))))
        if broken != tuple(map(str, plan.broken(figures))):
            feasible += [] if broken or result.duplicate_of is not None else [number]
            results[number] = replace(result, broken=broken)
            tracker.rejudge(Finished(results[number], {**figures, **measured}))
    return _note(feasible)


def slowed_down(plan: Plan, results: Mapping[int, TrialResult]) -> list[int]:
    """The trials that may be feasible alone: what they break are bounds on costs that were measured beside others."""
    beyond = {}
    for number, result in results.items():
        if result.complete and result.broken and result.duplicate_of is None:
            figures = summary(result)
            broken = plan.broken(figures)
            if all(bound.name in ALONE and is_loaded(bound.name, figures) for bound in broken):
                beyond[number] = max(_times(bound, figures[bound.name]) for bound in broken)
    return sorted((n for n, times in beyond.items() if times <= FARTHEST), key=lambda n: (beyond[n], n))[:MOST]


def _times(bound: Bound, value: float) -> float:
    """How many times the limit the value is, or the limit the value where that is the least."""
    above, below = (value, bound.limit) if bound.relation.startswith("<") else (bound.limit, value)
    return above / below if below > 0 else float("inf")


def _note(feasible: list[int]) -> tuple[str, ...]:
    if not feasible:
        return ()
    them, numbers = plural(len(feasible), "trial"), ", ".join(map(str, feasible))
    return (f"{them} that broke a constraint beside other trainings, measured alone, keep it: {numbers}",)
