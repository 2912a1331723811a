"""A trained grid as one small table: the scores and out-of-fold answers of every configuration, and their origin."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent / "grids"


@dataclass(frozen=True)
class GridTable:
    """C configurations, each trained on every one of F folds that together hold N examples out.

    `values` are the searched keys of each configuration; the baseline's are none, and `baselines` names it. `scores`
    [C, F] are held-out scores, `costs` [C] by figure what is known before training. `predicted` [C, N] are the
    out-of-fold answers, column after column of `example` [N] (positions), `fold` [N] and `labels` [N]. `origin` says
    what made it: the overrides of its study, versions, processor, date.
    """

    origin: dict[str, Any]
    values: tuple[dict[str, Any], ...]
    baselines: tuple[str | None, ...]
    scores: np.ndarray
    costs: dict[str, np.ndarray]
    predicted: np.ndarray
    example: np.ndarray
    fold: np.ndarray
    labels: np.ndarray

    @property
    def means(self) -> np.ndarray:
        """What the whole grid's cross-validation says of each configuration [C]."""
        return np.asarray(self.scores.mean(axis=1))

    def save(self, path: Path) -> None:
        """Write the table; nothing in it needs pickle to be read."""
        texts = {"origin": self.origin, "values": self.values, "baselines": self.baselines}
        arrays = {name: getattr(self, name) for name in ("scores", "predicted", "example", "fold", "labels")}
        known = {f"cost:{name}": cost for name, cost in self.costs.items()}
        np.savez_compressed(path, **arrays, **known, text=np.array(json.dumps(texts, ensure_ascii=False)))


def place(task: str, seed: int) -> Path:
    """Where the table of the grid of a task and a seed is kept."""
    return FOLDER / task / f"{seed}.npz"


def load(task: str, seed: int = 0) -> GridTable:
    """The kept table of a task and a seed."""
    with np.load(place(task, seed)) as kept:
        arrays = {name: kept[name] for name in kept.files}
    texts = json.loads(str(arrays.pop("text")))
    costs = {name.removeprefix("cost:"): arrays.pop(name) for name in [*arrays] if name.startswith("cost:")}
    return GridTable(texts["origin"], tuple(texts["values"]), tuple(texts["baselines"]), costs=costs, **arrays)


def tasks() -> tuple[str, ...]:
    """The tasks that have a table."""
    return tuple(sorted(path.parent.name for path in FOLDER.glob("*/0.npz")))


def seeds(task: str) -> tuple[int, ...]:
    """The seeds of which a task has a table."""
    return tuple(sorted(int(path.stem) for path in (FOLDER / task).glob("*.npz")))
