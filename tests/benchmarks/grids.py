"""Exhaustive grids, trained once by the product itself: the tables that searches are replayed on.

`python tests/benchmarks/grids.py sentiment|topic|nodes SEED [FOLDER]` trains every configuration of the task's grid on
the five folds of one seed, in a store in FOLDER (grids-work by default) from which an interrupted grid goes on, and
writes tests/benchmarks/grids/TASK/SEED.npz. Another seed draws other texts and folds, and starts trainings elsewhere.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from benchmarks.grid_table import GridTable
    from optuna.trial import FrozenTrial

    from study.search.plan import Plan

ROOT = Path(__file__).resolve().parents[2]
COMMON = (
    "study.folds=5", "sampler=grid", "pruner=none", "train.curves=false", "model.precision=float32",
    "task.test_fraction=0", "search.baselines=[head]",
)  # fmt: skip
UNRECORDED = ("tracking=off", "launcher.workers=1")  # what changes no result
GRIDS = {
    "sentiment": (
        "study.trials=49", "task.limit=320", "train.epochs=1", "train.batch_size=4", "method.layers=top-1",
        "method.kind=lora,factorized", "method.rank=1,4,16", "method.targets=qv,all-linear",
        "train.lr=3e-4,1e-3,3e-3,1e-2",
    ),
    "topic": (
        "study.trials=25", "task.limit=200", "train.epochs=1", "model.max_length=48", "method.layers=top-1",
        "method.rank=1,4,16", "method.targets=qv,all-linear", "train.lr=1e-3,3e-3,1e-2,3e-2",
    ),
    "nodes": (
        "study.trials=25", "train.epochs=10", "method.layers=top-1", "method.kind=lora,factorized",
        "method.rank=1,4,16,64", "train.lr=3e-3,1e-2,3e-2",
    ),
}  # fmt: skip
KNOWN = ("params/trainable", "params/stored")


def overrides(task: str, seed: int = 0) -> list[str]:
    """What the grid's study is, as typed after `lora-study`; whatever changes a result is among them."""
    return [f"task={task}", f"study.name={task}", f"study.seed={seed}", *COMMON, *GRIDS[task]]


def train(task: str, seed: int, folder: Path) -> None:
    """Train what is missing of the grid."""
    folder.mkdir(parents=True, exist_ok=True)
    argv = [*overrides(task, seed), f"storage.url=sqlite:///{task}-{seed}.db", *UNRECORDED]
    subprocess.run([sys.executable, "-m", "study", *argv], check=True, cwd=folder)


def collect(task: str, url: str) -> GridTable:
    """The table of a grid that has been trained, its rows in the order of their values; ValueError where a fold is
    missing."""
    from benchmarks.grid_table import GridTable

    from study.search.planning import make_plan
    from study.search.stored import find

    study, config = find(url, task)
    plan, trials = make_plan(config), study.get_trials(deepcopy=False)
    trials = sorted(trials, key=lambda trial: [*trial.params.items()])
    results = [_folds(trial, plan) for trial in trials]
    columns = [np.full(len(fold.valid), fold.index) for fold in plan.folds]
    example = np.concatenate([fold.valid for fold in plan.folds])
    return GridTable(
        origin=origin(task, plan),
        values=tuple(trial.params for trial in trials),
        baselines=tuple(trial.user_attrs.get("baseline") for trial in trials),
        scores=np.array([[fold.score for fold in row] for row in results], float),
        costs={name: np.array([row[0].metrics[name] for row in results]) for name in KNOWN},
        predicted=np.stack([np.concatenate([fold.answers.predicted for fold in row]) for row in results]),
        example=example.astype(np.int32),
        fold=np.concatenate(columns).astype(np.uint8),
        labels=plan.examples.labels[example].astype(np.uint8),
    )


def _folds(trial: FrozenTrial, plan: Plan) -> list:
    from study.search.stored import folds_of

    kept = folds_of(trial)
    missing = [fold.index for fold in plan.folds if fold.index not in kept or kept[fold.index].score is None]
    if missing:
        raise ValueError(f"trial {trial.number} has no score on folds {missing}")
    return [kept[fold.index] for fold in plan.folds]


def origin(task: str, plan: Plan) -> dict[str, object]:
    from study.record.provenance import versions

    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "overrides": overrides(task, plan.config.study.seed), "metric": plan.metric,
        "classes": list(plan.examples.classes), "kind": plan.examples.kind, "data": plan.examples.fingerprint,
        "versions": versions(),
        "processor": model[0].split(":")[1].strip() if model else "unknown", "date": time.strftime("%Y-%m-%d"),
    }  # fmt: skip


def main(task: str, seed: str, folder: str = "grids-work") -> None:
    """Train the grid of a seed and write its table."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    from benchmarks.grid_table import place

    train(task, int(seed), Path(folder))
    table = collect(task, f"sqlite:///{Path(folder).resolve()}/{task}-{seed}.db")
    path = place(task, int(seed))
    path.parent.mkdir(parents=True, exist_ok=True)
    table.save(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
