"""Costs of the configurations that the report compares most closely, measured once more when nothing else trains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from study.config.members import Member, TrialResult
from study.config.schema import Configuration
from study.core import interruption, seeding
from study.core.alone import AloneCosts, is_busy
from study.core.figures import ALONE
from study.engine.costs.work import work_of
from study.launch import Launcher, Worker, WorkerDied
from study.record import Tracker
from study.search.finish import trials_of_report
from study.search.ledger import Ledger
from study.search.plan import Plan

SECONDS = 5.0  # that all of it may take
SHARE = 0.05  # of the time that the search trained, which it may take instead where that is more
LONGEST = 2.0  # seconds for one configuration, after which more repeats would tell nothing new


def remeasure(
    plan: Plan, ledger: Ledger, results: dict[int, TrialResult], tracker: Tracker, launcher: Launcher
) -> tuple[str, ...]:
    """Measure time, latency and memory of what is compared most closely, where they are missing, in turn on one worker.

    Call it when every training is over. Returns what a person should hear of it. `report.remeasure=false` measures
    nothing, and keeps what there is.
    """
    known = ledger.alone_costs()
    for number in known.keys() & results.keys():
        tracker.add_figures(number, known[number])
    return measure_alone(plan, ledger, results, tracker, launcher, closest(plan, results))


def measure_alone(
    plan: Plan,
    ledger: Ledger,
    results: dict[int, TrialResult],
    tracker: Tracker,
    launcher: Launcher,
    numbers: Iterable[int],
) -> tuple[str, ...]:
    """Measure the trials of these numbers that have not been; what a person should hear of it."""
    known = ledger.alone_costs()
    missing = [n for n in numbers if n not in known] if plan.config.report.remeasure else []
    if not missing:
        return ()
    tracker.wait()
    notes, busy = [], []
    for numbers, costs in _measure(plan, results, known, missing, launcher):
        if costs.error is not None:
            notes.append(f"what trial {numbers[0]} costs could not be measured alone ({costs.error})")
            continue
        for number in numbers:
            ledger.keep_alone_costs(number, costs.figures)
            tracker.add_figures(number, costs.figures)
        busy += numbers if any(is_busy(name, costs.figures) for name in ALONE.values() if name in costs.figures) else []
    return (*notes, *_busy_note(sorted(busy)))


def closest(plan: Plan, results: dict[int, TrialResult]) -> list[int]:
    """The trials of the front and of the answer, and the baselines, by number."""
    baselines = (n for n, r in results.items() if r.baseline and r.complete and r.duplicate_of is None)
    return sorted({*trials_of_report(plan, results), *baselines})


def _measure(
    plan: Plan,
    results: dict[int, TrialResult],
    known: dict[int, dict[str, float]],
    missing: list[int],
    launcher: Launcher,
) -> Iterator[tuple[list[int], AloneCosts]]:
    """Trials that cost the same, and what they cost: of several the first is measured, of known ones none."""
    groups: dict[Configuration, list[int]] = {}
    for number in missing:
        groups.setdefault(work_of(results[number].configuration), []).append(number)
    measured = {work_of(results[n].configuration): figures for n, figures in known.items() if n in results}
    yield from ((numbers, AloneCosts(measured[kind])) for kind, numbers in groups.items() if kind in measured)
    if unknown := [numbers for kind, numbers in groups.items() if kind not in measured]:
        allowed = seconds_each(results, launcher.workers, len(groups))
        yield from zip(
            unknown, _ask(plan, [results[numbers[0]] for numbers in unknown], allowed, launcher), strict=True
        )


def seconds_each(results: dict[int, TrialResult], workers: int, count: int) -> float:
    """How long each of `count` configurations may be measured: a small share of the time that the search trained."""
    originals = [r for r in results.values() if r.duplicate_of is None]
    trained = sum(fold.metrics.get("time/train_seconds", 0.0) for r in originals for fold in r.folds) / workers
    return min(LONGEST, max(SECONDS, SHARE * trained) / count)


def _ask(plan: Plan, results: list[TrialResult], seconds: float, launcher: Launcher) -> list[AloneCosts]:
    """What they cost, measured in turn; where a worker dies of that, one after the other, to find out of which."""
    seed = seeding.derive(plan.config.study.seed, "fold", 0)
    members = [Member(r.trial, 0, r.configuration, seed, plan.adaptation(r.configuration)) for r in results]
    try:
        with interruption.heeding():
            return launcher.ask(Worker.costs_alone, members, len(plan.folds), seconds)
    except WorkerDied:
        if len(results) == 1:
            return [AloneCosts(error="its worker process died")]
        return [costs for result in results for costs in _ask(plan, [result], seconds, launcher)]


def load_notes(plan: Plan, workers: int) -> tuple[str, ...]:
    """What a person should hear before the search: which figures that decide something are measured under load."""
    deciding = [*plan.config.objectives, *(bound.name for bound in plan.constraints)]
    measured = [name for name in dict.fromkeys(deciding) if name in ALONE]
    if not measured or (workers == 1 and plan.config.engine.pack == "1"):
        return ()
    return (
        f"{' and '.join(measured)} will be measured beside other trainings, and the search decides by that: "
        "launcher.workers=1 engine.pack=1 measures without them",
    )


def _busy_note(numbers: list[int]) -> tuple[str, ...]:
    if not numbers:
        return ()
    named = f"trial{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
    return (f"the machine was busy with other programs while costs of {named} were measured",)
