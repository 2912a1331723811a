"""What the configurations of the grids are worth, in trainings that are none of the grids' own.

`PYTHONPATH=tests python tests/benchmarks/truths.py TASK ...` trains every configuration of the tasks' grids anew,
TRAININGS times on as many examples as one of its folds trains on, and writes the scores to grids/truths.json. Texts are
others than those of the task's first grid, for training and for scoring alike, and others in each training; a graph has
no others, and is folded anew.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from benchmarks.grid_table import FOLDER, load

if TYPE_CHECKING:
    from study.config.members import Member
    from study.core.records import Fold
    from study.data.study_data import StudyData
    from study.launch.worker import Worker
    from study.search.plan import Plan

KEPT = FOLDER / "truths.json"
TRAININGS, HELD = 32, 200  # of each configuration, and texts that one is scored on
_worker: dict[str, Worker] = {}  # of a process that trains


def recall(path: Path = KEPT) -> dict[str, dict[str, Any]]:
    """What is kept, by task: the `scores` [C, R] of its grid's configurations and where they come from."""
    return json.loads(path.read_text()) if path.exists() else {}


def worth(task: str) -> np.ndarray:
    """The mean score of each of the configurations [C] of a task's grids on what the first of them has not seen."""
    return np.asarray(recall()[task]["scores"]).mean(axis=1)


def outside(plan: Plan, task: str) -> StudyData:
    """The examples and TRAININGS splits of them that are none of the plan's own."""
    from study import tasks
    from study.data.examples import Texts
    from study.data.study_data import StudyData

    if not isinstance(plan.examples, Texts):
        number = -(-TRAININGS // len(plan.folds))
        folds = [fold for n in range(1, number + 1) for fold in plan.repeat(n)][:TRAININGS]
        return StudyData(plan.examples, tuple(replace(fold, index=r) for r, fold in enumerate(folds)))
    every = tasks.get(task).load(replace(plan.config.task, limit=None), plan.config.study.seed)
    seen = set(plan.examples.texts)
    others = np.array([i for i, text in enumerate(every.texts) if text not in seen])
    return StudyData(every, _splits(every.strata, others, max(len(fold.train) for fold in plan.folds)))


def _splits(strata: np.ndarray, others: np.ndarray, size: int) -> tuple[Fold, ...]:
    """TRAININGS stratified draws of `size` examples to train on and HELD to be scored on, all configurations alike."""
    from study.core import seeding
    from study.core.records import Fold
    from study.data.folds import draw_stratified

    def draw(rows: np.ndarray, count: int, *name: object) -> np.ndarray:
        return np.asarray(rows[draw_stratified(strata[rows], count, seeding.derive(0, "truth", *name))])

    helds = [draw(others, HELD, "held", r) for r in range(TRAININGS)]
    return tuple(Fold(r, draw(np.setdiff1d(others, held), size, r), held) for r, held in enumerate(helds))


def members(plan: Plan, task: str, folds: int) -> list[list[Member]]:
    """The trainings of each of the grids' configurations, in the order of their tables."""
    from benchmarks.lookup import Grid

    from study.config.members import Member
    from study.core import seeding

    return [
        [Member(row, k, configuration, seeding.derive(0, "truth", k), plan.adaptation(configuration))
         for k in range(folds)]
        for configuration, row in Grid(load(task)).rows.items()
    ]  # fmt: skip


def begin(data: StudyData, plan: Plan) -> None:
    """Make this process one that trains."""
    from study.launch.worker import Worker

    _worker["it"] = Worker(data, plan.config.engine, plan.config.model)
    _worker["it"].begin()


def scores(trainings: list[Member]) -> list[float]:
    """What one configuration scored; ValueError where a training failed."""
    results = [_worker["it"].train([member])[0] for member in trainings]
    if errors := [result.error for result in results if result.score is None]:
        raise ValueError(f"{trainings[0].configuration}: {errors[0]}")
    return [round(float(result.score), 6) for result in results if result.score is not None]


def train(task: str, workers: int) -> dict[str, Any]:
    """Every configuration's scores, and what made them."""
    from benchmarks.grids import origin
    from invented import composed

    from study.search.planning import make_plan

    plan = make_plan(composed(tuple(load(task).origin["overrides"])))
    data = outside(plan, task)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, begin, (data, plan)) as pool:
        rows = [*pool.map(scores, members(plan, task, len(data.folds)))]
    held, trained = (int(np.mean([len(getattr(fold, part)) for fold in data.folds])) for part in ("valid", "train"))
    return {**origin(task, plan), "held": held, "trained": trained, "scores": rows}


def main(*names: str) -> None:
    """Train what is asked for and keep it."""
    from study.launch.worker import cores

    for task in names:
        begun = time.monotonic()
        kept = {**recall(), task: train(task, cores())}
        KEPT.write_text(json.dumps(kept, separators=(",", ":")).replace("],[", "],\n[") + "\n")
        print(f"{task}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
