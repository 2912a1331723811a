"""A worker's whole task: train a pack, measure its members, and go on when one of them breaks it."""

from __future__ import annotations

import os
import time
import traceback

import torch

from study.config.members import Member
from study.core.records import FoldResult
from study.engine.costs import measure, memory
from study.engine.costs.parameters import parameters
from study.engine.fit import Course, Fit, OnEpoch
from study.engine.workbench import Workbench, name_of


def train_pack(members: list[Member], bench: Workbench, on_epoch: OnEpoch | None = None) -> list[FoldResult]:
    """Train the members together and score each on its own fold; results in the members' order.

    `on_epoch` hears every member's score as its epoch ends, and stops the member by returning true. A pack
    that cannot be trained, for want of memory or for the fault of a member, is trained in halves; what
    fails alone brings its error.
    """
    try:
        return _train_whole(members, bench, on_epoch)
    except Exception as error:  # noqa: BLE001 -- the boundary of a worker: the error is the result
        if len(members) == 1:
            return [FoldResult(members[0].trial, members[0].fold, None, error=_fault(error))]
    if bench.device.type == "cuda":
        torch.cuda.empty_cache()
    half = len(members) // 2
    return [*train_pack(members[:half], bench, on_epoch), *train_pack(members[half:], bench, on_epoch)]


def _train_whole(members: list[Member], bench: Workbench, on_epoch: OnEpoch | None) -> list[FoldResult]:
    """The members' results, trained as one pack; raises whatever ends it."""
    # What a configuration costs is no matter of the fold: a trial's first one measures it for all.
    costs = [{**parameters(m, bench), **(measure.costs(m, bench) if m.fold == 0 else {})} for m in members]
    started = time.time()
    memory.reset_peak(bench.device)
    fit = Fit(members, bench)
    courses = fit.run(on_epoch)
    peak = memory.peak_bytes(bench.device)
    observed = {} if peak is None else {"memory/peak_bytes": float(peak)}
    observed |= {"pack/members": float(len(members)), "data/truncated": fit.problem.truncated}
    notes = tuple(bench.notes)
    return [
        _result(course, bench, {**cost, **observed}, started, notes)
        for course, cost in zip(courses, costs, strict=True)
    ]


def _result(
    course: Course, bench: Workbench, measured: dict[str, float], started: float, notes: tuple[str, ...]
) -> FoldResult:
    """The result of one member, with its figures; the error alone where it failed."""
    member, score = course.member, course.scores.get(bench.data.examples.metric)
    speed = {
        "time/train_seconds": course.seconds,
        "speed/tokens_per_second": course.tokens / max(course.seconds, 1e-9),
    }
    failed = course.error is not None or score is None
    return FoldResult(
        trial=member.trial,
        fold=member.fold,
        score=None if failed else score,
        epochs=tuple(course.epochs),
        metrics={} if failed or score is None else {"score": score, **course.scores, **measured, **speed},
        started=started,
        ended=time.time(),
        device=name_of(bench.device),
        error=course.error,
        notes=notes,
    ).sound()


def _fault(error: Exception) -> str:
    """An exception in a line: its type, its message and where it was raised."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({os.path.basename(where.filename)}:{where.lineno})"
