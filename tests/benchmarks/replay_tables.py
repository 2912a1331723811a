"""The tables of replayed studies, in Markdown, and the numbers in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from benchmarks.outcomes import Outcome

BUDGET, ENOUGH = 0.25, 0.99  # of the grid's fold-trainings, of its front's hypervolume
REFERENCE = "grid none"
Kept = Mapping[str, Mapping[str, Sequence[Outcome]]]


def at(one: Outcome, budget: float) -> int | None:
    """The last round that ended within a share of the grid's fold-trainings; None where not even the first did."""
    within = np.flatnonzero(np.array(one.spent) <= budget + 1e-9)
    return int(within[-1]) if len(within) else None


def volume_at(one: Outcome, budget: float) -> float:
    """The share of the hypervolume that a study had found within a budget."""
    last = at(one, budget)
    return 0.0 if last is None else one.volume[last]


def near_at(one: Outcome, budget: float) -> bool:
    """Whether it would have recommended well enough at that budget."""
    last = at(one, budget)
    return last is not None and one.near[last]


def until_enough(one: Outcome) -> float:
    """The share of the fold-trainings after which the front was complete enough; infinite where it never was."""
    enough = np.flatnonzero(np.array(one.volume) >= ENOUGH)
    return one.spent[enough[0]] if len(enough) else np.inf


def mean(results: Sequence[Outcome], what) -> float:
    """The mean of a number over studies."""
    return float(np.mean([what(one) for one in results]))


def saved(kept: Kept) -> Iterator[str]:
    """Each sampler with and without racing: at a quarter of the fold-trainings, until 99 % of the front, at the end."""
    heads = ("grid", "sampler", "racing", "studies", "front at 25 %", "near at 25 %", "99 % of the front at (median)",
             "ever", "trained at the end", "front", "near")  # fmt: skip
    yield f"| {' | '.join(heads)} |"
    yield "| :-- | :-- | :-- |" + " --: |" * (len(heads) - 3)
    for task, cells in kept.items():
        for name, results in cells.items():
            sampler, pruner = name.split()
            yield f"| {task} | {sampler} | {'yes' if pruner == 'racing' else 'no'} | {' | '.join(_numbers(results))} |"


def _numbers(results: Sequence[Outcome]) -> list[str]:
    sooner = [until_enough(one) for one in results]
    middle = float(np.median(sooner))
    whole = len(results[0].spent) == 1  # only its end was looked at
    early = ["", "", "", ""] if whole else [
        f"{mean(results, lambda o: volume_at(o, BUDGET)):.1%}", f"{mean(results, lambda o: near_at(o, BUDGET)):.0%}",
        f"{middle:.0%}" if np.isfinite(middle) else "never", f"{np.mean(np.isfinite(sooner)):.0%}",
    ]  # fmt: skip
    return [str(len(results)), *early, *_end(results)]


def raced(kept: Kept) -> Iterator[str]:
    """Racing alone, in as many orders of the whole grid: what it trains, and how many of its stops are false."""
    heads = ("grid", "orders", "trained", "stops", "false ones", "of what adds to the front, stopped", "front", "near",
             "near, whole grid")  # fmt: skip
    yield f"| {' | '.join(heads)} |"
    yield "| :-- |" + " --: |" * (len(heads) - 1)
    for task, cells in kept.items():
        if "grid racing" in cells:
            yield f"| {task} | {' | '.join(_race(cells['grid racing'], cells.get(REFERENCE, ())))} |"


def _race(results: Sequence[Outcome], reference: Sequence[Outcome]) -> list[str]:
    stops, false, adding = (sum(getattr(one, name) for one in results) for name in ("stops", "false", "adding"))
    spent, volume, near = _end(results)
    rate, lost = f"{false} ({false / max(1, stops):.1%})", f"{false} of {adding}"
    return [str(len(results)), spent, str(stops), rate, lost, volume, near, _end(reference)[2] if reference else ""]


def _end(results: Sequence[Outcome]) -> list[str]:
    """What was trained, what of the front was there, and how often the recommendation was near enough, at the end."""
    spent, volume, near = (
        mean(results, lambda o, name=name: getattr(o, name)[-1]) for name in ("spent", "volume", "near")
    )
    return [f"{spent:.0%}", f"{volume:.1%}", f"{near:.0%}"]
