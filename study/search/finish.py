"""The end of a sweep: the front's held-out scores, the report, and a small table on the terminal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import compress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from study.config.members import Member, TrialResult, count_results
from study.config.schema import StudyConfig
from study.core import formatting, seeding, status_line
from study.core.alone import cost_of_trial, meanings, with_alone
from study.core.figures import COSTS, ERROR, FIGURES, MINIMIZE, costs_of, repeated_note
from study.core.formatting import plural
from study.core.pareto import undominated_mask
from study.core.prose import print_prose
from study.core.records import INFEASIBLE, FoldResult
from study.core.text_table import Column, TextTable
from study.record.behind import record_error
from study.search.ledger import Ledger
from study.search.objectives import summary
from study.search.plan import Plan
from study.search.verdict import judge_results

if TYPE_CHECKING:
    from study.record import Tracker


USUAL = ("params/trainable", "memory/train_bytes", "time/train_seconds")  # costs in every table
SHOWN = 3  # distinct errors on the terminal
NO_FRONT = "No trial is complete, so that there is no front."
Train = Callable[[list[Member], set[tuple[int, int]]], Iterator[FoldResult]]


def front(
    plan: Plan, results: dict[int, TrialResult], alone: Mapping[int, Mapping[str, float]] = MappingProxyType({})
) -> list[int]:
    """The trials that no other beats in every objective, cheapest first; repeats and infeasible ones left out.

    What was measured of a trial `alone` counts instead of what the search saw of its costs.
    """
    names, cost = plan.config.objectives, costs_of(plan.config.objectives)[0]
    standing = {n: r for n, r in results.items() if r.complete and not r.broken and r.duplicate_of is None}
    whole = {n: with_alone({**summary(r), **alone.get(n, {})}) for n, r in standing.items()}
    points = np.array([[figures.get(name, math.nan) for name in names] for figures in whole.values()])
    unbeaten = undominated_mask(points.reshape(-1, len(names)), plan.directions)
    sign = 1 if FIGURES[cost].direction == MINIMIZE else -1
    return sorted(compress(whole, unbeaten), key=lambda n: sign * whole[n].get(cost, sign * math.inf))


def trials_of_report(
    plan: Plan, results: dict[int, TrialResult], alone: Mapping[int, Mapping[str, float]] = MappingProxyType({})
) -> list[int]:
    """The trials that a report tells most of, by number: those of the front, the recommended one and the best.

    What was measured of a trial `alone` counts instead of what the search saw of its costs.
    """
    judgement = judge_results(plan, results, alone)
    chosen = () if judgement is None else (judgement.recommended, judgement.best)
    return sorted({n for n in (*front(plan, results, alone), *chosen) if n is not None})


def score_tests(
    plan: Plan, ledger: Ledger, results: dict[int, TrialResult], tracker: Tracker, train: Train
) -> tuple[str, ...]:
    """Train the configuration of each trial that the report tells most of on everything searched and score it on the
    test, once.

    The search never sees these scores: it is over. Call it when costs have been measured alone, which the front goes
    by. Returns what a person should hear of those that could not be had.
    """
    if not len(plan.test):
        return ()
    fold, seed, known = len(plan.folds), seeding.derive(plan.config.study.seed, "test"), ledger.test_scores()
    chosen = trials_of_report(plan, results, ledger.alone_costs())
    for number in chosen:
        if number in known:
            tracker.add_figures(number, known[number])
    members = [Member(n, fold, c, seed, plan.adaptation(c)) for n, c in ((n, results[n].configuration) for n in chosen)]
    missing = []
    for result in (r.sound() for r in train(members, {(n, fold) for n in known})):
        if result.score is None:
            missing.append(f"trial {result.trial} has no test score ({result.error})")
        else:
            figures = {"test/score": result.score, "test/loss": result.metrics["loss"]}
            ledger.keep_test_score(result.trial, figures)
            tracker.add_figures(result.trial, figures)
    return tuple(missing)


def record_exports(ledger: Ledger, tracker: Tracker) -> None:
    """Record the figures of exports again, so that a record made anew has them too."""
    for (number, label), figures in ledger.exports().items():
        tracker.add_figures(number, {f"export/{label}/{name}": value for name, value in figures.items()})


def announce(
    plan: Plan,
    results: dict[int, TrialResult],
    alone: Mapping[int, Mapping[str, float]],
    tracker: Tracker,
    report: Callable[[StudyConfig], Path],
) -> None:
    """Write the report, then say in a few lines what came out, with the costs measured `alone`, and where to look.

    Raises StudyError where the record, of which the report is made, lacks something.
    """
    status_line.hide()
    if front(plan, results, alone):
        print(_table(plan, results, alone).text())
    else:
        print_prose(reason_for_none(results))
    for line in failures(results):
        print_prose(line)
    if tracker.missing:
        raise record_error(plan.config.study.name, plan.config.storage.url, tracker.missing)
    if tracker.unreported:
        print_prose(f"No report: it is made from MLflow's runs, and {tracker.unreported}.")
        return
    page = report(plan.config)
    tracker.report(page.parent)
    print(f"Report: {page}")
    looks = filter(None, (tracker.command(), tracker.page()))
    for head, look in zip(("Runs:", ""), looks, strict=False):
        print(f"{head:<8}{look}")


def reason_for_none(results: Mapping[int, TrialResult]) -> str:
    """Why there is no front: nothing is complete, or whatever is breaks a constraint."""
    infeasible = sum(result.state == INFEASIBLE for result in results.values())
    if not infeasible:
        return NO_FRONT
    broke = f"{infeasible} of {plural(len(results), 'trial')} broke a constraint"
    return f"{broke} and no other is complete, so that there is no front."


def failures(results: dict[int, TrialResult]) -> list[str]:
    """How many trials failed and, line by line, of what: at most three distinct errors, the most frequent first."""
    failed = [r.failure for r in results.values() if r.failure is not None]
    if not failed:
        return []
    counts = Counter(failed)
    lines = [f"{n} × {' '.join(error.split())}" for error, n in counts.most_common(SHOWN)]
    more = [f"and {plural(len(counts) - SHOWN, 'other error')}"] if len(counts) > SHOWN else []
    asked = plural(count_results(results), "trial")
    return [f"{len(failed)} of {asked} failed:", *(f"  {line}" for line in [*lines, *more])]


def _table(
    plan: Plan, results: dict[int, TrialResult], alone: Mapping[int, Mapping[str, float]] = MappingProxyType({})
) -> TextTable:
    others = [name for name in plan.config.objectives if name in COSTS and name not in USUAL]
    scores = [name for name in plan.config.objectives if name not in COSTS and name != "score"]
    headings = ("trial", "configuration", plan.metric, *scores, "trainable", "train memory", *others, "train s")
    rows: list[tuple[str, ...]] = []
    for number in front(plan, results, alone):
        result, figures = results[number], {**summary(results[number]), **alone.get(number, {})}
        label = plan.label(result.configuration) + (" (baseline)" if result.baseline else "")
        trained = cost_of_trial("time/train_seconds", figures)
        cells = (
            str(number),
            label,
            *(formatting.with_se(figures.get(name), figures.get(name + ERROR), 3) for name in ("score", *scores)),
            formatting.count(figures["params/trainable"]),
            formatting.mebibytes(figures["memory/train_bytes"], 0),
            *(cost_of_trial(name, figures).text for name in others),
            formatting.few_digits(trained.value) + trained.mark,
        )
        rows.append(cells)
    columns = tuple(Column(heading, name=heading == "configuration") for heading in headings)
    title = f"{plan.config.study.name}: the front of {plural(count_results(results), 'trial')}"
    notes = (repeated_note(sum(bool(r.repeats) for r in results.values())), *meanings(sum(rows, ())))
    return TextTable(columns, tuple(rows), title, "\n".join(filter(None, notes)))
