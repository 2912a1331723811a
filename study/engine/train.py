"""A worker's whole task: train a pack, measure its members, and go on when one of them breaks it."""

from __future__ import annotations

import os
import time
import traceback

import torch

from study.config.members import Member
from study.core.errors import first_line
from study.core.records import FoldResult
from study.engine.costs import measure, memory
from study.engine.costs.parameters import parameters
from study.engine.fit import Course, Fit
from study.engine.workbench import Workbench, name_of

SMALLER_STEPS = "try again with a smaller engine.tokens or fewer launcher.workers, and study.retry=failed"


def train_pack(members: list[Member], bench: Workbench) -> list[FoldResult]:
    """Train the members together and score each on its own fold; results in the members' order.

    A pack that cannot be trained, for want of memory or for the fault of a member, is trained in halves; what fails
    alone brings its error.
    """
    try:
        return _train_whole(members, bench)
    except Exception as error:  # noqa: BLE001 -- the boundary of a worker: the error is the result
        if len(members) == 1:
            return [FoldResult(members[0].trial, members[0].fold, None, error=_fault(error))]
    if bench.device.type == "cuda":
        torch.cuda.empty_cache()
    half = len(members) // 2
    return [*train_pack(members[:half], bench), *train_pack(members[half:], bench)]


def _train_whole(members: list[Member], bench: Workbench) -> list[FoldResult]:
    """The members' results, trained as one pack; raises whatever ends it."""
    first = time.perf_counter()
    # What a configuration costs is no matter of the fold: a trial's first one measures it for all.
    costs = [{**parameters(m, bench), **(measure.costs(m, bench) if m.fold == 0 else {})} for m in members]
    started, begun = time.time(), time.monotonic()
    memory.reset_peak(bench.device)
    fit = Fit(members, bench)
    prepared = (time.perf_counter() - first) / len(members)
    courses = fit.run()
    peak = memory.peak_bytes(bench.device)
    observed = {} if peak is None else {"memory/peak_bytes": float(peak)}
    observed["time/prepare_seconds"] = prepared
    observed |= {"pack/members": float(len(members)), "data/truncated": fit.problem.truncated}
    notes = tuple(bench.notes)
    ended = started + time.monotonic() - begun  # whatever becomes of the clock meanwhile
    return [
        _result(course, bench, {**cost, **observed}, (started, ended), notes)
        for course, cost in zip(courses, costs, strict=True)
    ]


def _result(
    course: Course, bench: Workbench, measured: dict[str, float], times: tuple[float, float], notes: tuple[str, ...]
) -> FoldResult:
    """The result of one member, with its figures; the error alone where it failed."""
    member, score = course.member, course.scores.get(bench.data.examples.metric)
    speed = {
        "time/train_seconds": course.seconds,
        "time/score_seconds": course.scoring,
        "speed/tokens_per_second": course.tokens / max(course.seconds, 1e-9),
    }
    failed = course.error is not None or score is None
    return FoldResult(
        trial=member.trial,
        fold=member.fold,
        score=None if failed else score,
        epochs=tuple(course.epochs),
        metrics={} if failed or score is None else {"score": score, **course.scores, **measured, **speed},
        started=times[0],
        ended=times[1],
        device=name_of(bench.device),
        error=course.error,
        notes=notes,
        answers=None if failed else course.answers,
    ).sound()


def _fault(error: Exception) -> str:
    """An exception in a line: its type, its message and where it was raised, or what helps where memory ends."""
    if memory.is_out_of_memory(error):
        return f"out of memory with no other member in its pack ({first_line(error)}): {SMALLER_STEPS}"
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({os.path.basename(where.filename)}:{where.lineno})"
