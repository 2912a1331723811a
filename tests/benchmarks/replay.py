"""What racing and samplers save: studies replayed on trained grids, whose folds are looked up instead of trained.

`OPENBLAS_NUM_THREADS=1 PYTHONPATH=tests python tests/benchmarks/replay.py TASK ...` replays each sampler with and
without racing on the tasks' grids, on one after the other, and keeps what came out in grids/replayed.json, to which
further calls add tasks and samplers; without a task it draws the curves and prints the tables of what is kept.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks import replay_curves, replay_tables, truths
from benchmarks.grid_table import FOLDER, load, seeds, tasks
from benchmarks.lookup import Grid
from benchmarks.outcomes import Outcome, Truth, outcome, truth_of

KEPT = FOLDER / "replayed.json"
CONF = Path(__file__).resolve().parents[2] / "conf" / "sampler"
PRUNERS = ("none", "racing")
EXHAUSTIVE = "grid"  # the sampler that only orders the grid: what racing alone is measured with
ROUND = "search.round=4"  # the grids are small: the default of 8 would be a third of one of them
Kept = dict[str, dict[str, list[Outcome]]]  # by task and by "sampler pruner"


def samplers() -> list[str]:
    """Every sampler of conf/sampler that learns or draws, and the one that runs through a grid."""
    return sorted((path.stem for path in CONF.glob("*.yaml")), key=lambda name: (name == EXHAUSTIVE, name))


def cell(task: str, sampler: str, pruner: str, studies: int) -> Iterator[Outcome]:
    """As many studies of one kind, on the task's grids in turn; of the exhaustive one only the end counts."""
    worth, arguments = truths.worth(task), (f"sampler={sampler}", f"pruner={pruner}", ROUND)
    grids = [Grid(load(task, seed)) for seed in seeds(task)]
    for seed in range(studies):
        grid = grids[seed % len(grids)]
        yield outcome(grid, truth_of(grid, worth), *arguments, seed=seed, final=sampler == EXHAUSTIVE)


def truth(task: str) -> Truth:
    """What recommendations and stops of the task's studies are held against, the same for all its grids."""
    return truth_of(Grid(load(task)), truths.worth(task))


def recall(path: Path = KEPT) -> Kept:
    """What has been kept."""
    raw = json.loads(path.read_text()) if path.exists() else {}
    return {task: {key: [Outcome(**o) for o in each] for key, each in cells.items()} for task, cells in raw.items()}


def keep(kept: Kept, path: Path = KEPT) -> None:
    """Write it, with the shares to four digits."""
    raw = {task: {key: [_rounded(o) for o in each] for key, each in cells.items()} for task, cells in kept.items()}
    path.write_text(json.dumps(raw, separators=(",", ":")).replace("]}],", "]}],\n") + "\n")


def _rounded(one: Outcome) -> dict[str, object]:
    shares = {name: [round(x, 4) for x in getattr(one, name)] for name in ("spent", "volume")}
    return {**asdict(one), **shares}


def main() -> None:
    """Replay what is asked for, then draw and print all that is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"of {', '.join(tasks())}")
    parser.add_argument("--samplers", nargs="+", default=samplers())
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--kept", type=Path, default=KEPT)
    asked = parser.parse_args()
    for task in asked.tasks:
        for sampler in asked.samplers:
            for pruner in PRUNERS:
                results = [*cell(task, sampler, pruner, asked.studies)]
                kept = recall(asked.kept)
                kept.setdefault(task, {})[f"{sampler} {pruner}"] = results
                keep(kept, asked.kept)
                print(task, sampler, pruner, file=sys.stderr, flush=True)
    kept = recall(asked.kept)
    replay_curves.draw(kept, FOLDER.parent / "replay.svg")
    true = {task: truth(task) for task in kept}
    tables = replay_tables.saved, replay_tables.raced, replay_tables.answered
    print(*("\n".join(table(kept, true)) for table in tables), sep="\n\n")


if __name__ == "__main__":
    main()
