"""The tables of replayed studies, in Markdown, and the numbers in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from benchmarks.outcomes import Outcome, Truth

BUDGET, ENOUGH = 0.25, 0.99  # of the grid's fold-trainings, of its front's hypervolume
REFERENCE = "grid none"
Kept = Mapping[str, Mapping[str, Sequence[Outcome]]]
Truths = Mapping[str, Truth]  # by task


def at(one: Outcome, budget: float) -> int | None:
    """The last round that ended within a share of the grid's fold-trainings; None where not even the first did."""
    within = np.flatnonzero(np.array(one.spent) <= budget + 1e-9)
    return int(within[-1]) if len(within) else None


def volume_at(one: Outcome, budget: float) -> float:
    """The share of the hypervolume that a study had found within a budget."""
    last = at(one, budget)
    return 0.0 if last is None else one.volume[last]


def near_at(one: Outcome, truth: Truth, budget: float) -> bool:
    """Whether it would have recommended well enough at that budget."""
    last = at(one, budget)
    return last is not None and truth.near(one.chosen[last])


def until_enough(one: Outcome) -> float:
    """The share of the fold-trainings after which the front was complete enough; infinite where it never was."""
    enough = np.flatnonzero(np.array(one.volume) >= ENOUGH)
    return one.spent[enough[0]] if len(enough) else np.inf


def mean(results: Sequence[Outcome], what) -> float:
    """The mean of a number over studies."""
    return float(np.mean([what(one) for one in results]))


def saved(kept: Kept, truths: Truths) -> Iterator[str]:
    """Each sampler with and without racing: at a quarter of the fold-trainings, until 99 % of the front, at the end."""
    heads = ("grid", "sampler", "racing", "studies", "front at 25 %", "near at 25 %", "99 % of the front at (median)",
             "ever", "trained at the end", "front", "near", "short by")  # fmt: skip
    yield f"| {' | '.join(heads)} |"
    yield "| :-- | :-- | :-- |" + " --: |" * (len(heads) - 3)
    for task, cells in kept.items():
        for name, results in cells.items():
            sampler, pruner = name.split()
            numbers = " | ".join(_numbers(results, truths[task]))
            yield f"| {task} | {sampler} | {'yes' if pruner == 'racing' else 'no'} | {numbers} |"


def _numbers(results: Sequence[Outcome], truth: Truth) -> list[str]:
    sooner = [until_enough(one) for one in results]
    middle = float(np.median(sooner))
    whole = len(results[0].spent) == 1  # only its end was looked at
    volume = mean(results, lambda o: volume_at(o, BUDGET))
    near = mean(results, lambda o: near_at(o, truth, BUDGET))
    early = ["", "", "", ""] if whole else [
        f"{volume:.1%}", f"{near:.0%}",
        f"{middle:.0%}" if np.isfinite(middle) else "never", f"{np.mean(np.isfinite(sooner)):.0%}",
    ]  # fmt: skip
    return [str(len(results)), *early, *_end(results, truth)]


def raced(kept: Kept, truths: Truths) -> Iterator[str]:
    """Racing alone, in as many orders of the whole grid: what it trains, and how many of its stops are false."""
    heads = ("grid", "orders", "trained", "stops", "false ones", "of what adds to the front, stopped", "front", "near",
             "short by", "whole grid near", "short by")  # fmt: skip
    yield f"| {' | '.join(heads)} |"
    yield "| :-- |" + " --: |" * (len(heads) - 1)
    for task, cells in kept.items():
        if "grid racing" in cells:
            numbers = _race(cells["grid racing"], cells.get(REFERENCE, ()), truths[task])
            yield f"| {task} | {' | '.join(numbers)} |"


def _race(results: Sequence[Outcome], reference: Sequence[Outcome], truth: Truth) -> list[str]:
    stops, false, adding = (sum(getattr(one, name) for one in results) for name in ("stops", "false", "adding"))
    spent, *reached = _end(results, truth)
    rate, lost = f"{false} ({false / max(1, stops):.1%})", f"{false} of {adding}"
    whole = _end(reference, truth)[2:] if reference else ["", ""]
    return [str(len(results)), spent, str(stops), rate, lost, *reached, *whole]


def answered(kept: Kept, truths: Truths) -> Iterator[str]:
    """What is said of whole grids and of raced ones at the end: how surely, how truly, and how high the best one's
    score is."""
    heads = ("grid", "racing", "studies", "sure", "of which near", "best too high by", "corrected")
    yield f"| {' | '.join(heads)} |"
    yield "| :-- | :-- |" + " --: |" * (len(heads) - 2)
    for task, cells in kept.items():
        for name in ("grid none", "grid racing"):
            if results := cells.get(name, ()):
                numbers = " | ".join(_answers(results, truths[task]))
                yield f"| {task} | {'yes' if name.endswith('racing') else 'no'} | {numbers} |"


def _answers(results: Sequence[Outcome], truth: Truth) -> list[str]:
    sure = [one for one in results if one.sure]
    near = f"{mean(sure, lambda o: truth.near(o.chosen[-1])):.0%}" if sure else ""
    high, corrected = (f"{mean(results, lambda o, n=n: getattr(o, n)):+.3f}" for n in ("high", "corrected"))
    return [str(len(results)), str(len(sure)), near, high, corrected]


def _end(results: Sequence[Outcome], truth: Truth) -> list[str]:
    """At the end: what was trained, what of the front was there, how often the recommendation was near enough, and by
    how much less than the best it is worth on average."""
    spent, volume = (mean(results, lambda o, name=name: getattr(o, name)[-1]) for name in ("spent", "volume"))
    near, short = (mean(results, lambda o, what=what: what(o.chosen[-1])) for what in (truth.near, truth.short))
    return [f"{spent:.0%}", f"{volume:.1%}", f"{near:.0%}", f"{short:.3f}"]
