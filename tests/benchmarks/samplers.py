"""Samplers on invented spaces: what share of the best front a study has after so many trials, over many seeds.

python tests/benchmarks/samplers.py --samplers tpe,surface,random --seeds 20 --trials 40
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from invented import plan_of, run

from study.config.schema import Configuration
from study.core.pareto import hypervolume
from study.search.surface.candidates import fill
from study.search.surface.foresight import Foresight

NOISE = 0.01  # standard deviation of a fold's score, beside the fold's own ease
LAYERS = {"all": 1.0, "top-half": 0.6, "top-1": 0.0}
TARGETS = {"qv": 0.0, "attention": 0.5, "all-linear": 1.0}


@dataclass(frozen=True)
class World:
    """A space and the true scores that one draw of its truth gives."""

    overrides: tuple[str, ...]
    truth: Callable[[Configuration], float]


def plateau(rng: np.random.Generator) -> World:
    """A plateau over rank, an optimum of λ, layers that matter more at small ranks; two methods alike."""
    peak, width, knee = rng.uniform(0, 2), rng.uniform(0.6, 1.5), rng.uniform(1, 4)
    gains = {"layers": rng.uniform(0.01, 0.05), "targets": rng.uniform(0, 0.02), "kind": rng.normal(0, 0.01)}

    def truth(c: Configuration) -> float:
        m = c.method
        rank = 0.08 * (1 - math.exp(-math.log2(2 * m.rank) / knee))
        lam = -0.06 * min(1, ((math.log10(m.lam) - peak) / (2 * width)) ** 2) if m.lam else 0.0
        where = gains["layers"] * LAYERS[m.layers] / (1 + 0.1 * m.rank) + gains["targets"] * TARGETS[m.targets]
        return float(0.75 + rank + lam + where + (gains["kind"] if m.kind == "factorized" else 0.0))

    return World(("space=tradeoff",), truth)


def cliff(rng: np.random.Generator) -> World:
    """A learning rate whose best place moves with the rank, and which diverges where it is too high."""
    best, slope, fall = rng.uniform(-3.2, -2.4), rng.uniform(0, 0.5), rng.uniform(-1.8, -1.3)

    def truth(c: Configuration) -> float:
        m, lr = c.method, math.log10(c.train.lr)
        off = lr - best + slope * math.log10(m.rank)
        score = 0.8 + 0.02 * math.log2(m.rank) / 5 + 0.03 * LAYERS[m.layers] - 0.05 * off**2
        return max(score, 0.5) if lr < fall else 0.5

    return World(("method.rank=1,2,4,8,16,32", "method.layers=all,top-half,top-1",
                  "train.lr=tag(log, interval(1e-4, 1e-1))"), truth)  # fmt: skip


def tree(rng: np.random.Generator) -> World:
    """The head, which is cheap and hardly worse in some draws, and three methods with keys of their own."""
    head, kinds = (
        rng.uniform(0.68, 0.78),
        {"lora": 0.0, "factorized": rng.normal(0, 0.015), "dora": rng.normal(0, 0.01)},
    )
    peak, drop = rng.uniform(0, 2), rng.uniform(0, 0.05)

    def truth(c: Configuration) -> float:
        m = c.method
        if m.kind == "head":
            return head
        lam = -0.03 * min(2, abs(math.log10(m.lam) - peak)) if m.lam else 0.0
        lost = drop * 8 / (8 + m.rank) if m.kind == "factorized" and m.residual == "drop" else 0.0
        return float(0.76 + 0.05 * math.log2(m.rank) / 5 + 0.03 * LAYERS[m.layers] + lam + kinds[m.kind] - lost)

    return World(("method.kind=head,lora,factorized,dora", "method.rank=1,2,4,8,16,32", "method.residual=keep,drop",
                  "method.lam=tag(log, interval(0.1, 1000))", "method.layers=all,top-half,top-1"), truth)  # fmt: skip


def grid(rng: np.random.Generator) -> World:
    """A finite space, rough beyond its smooth part: every cell has a deviation of its own."""
    top, rough = rng.uniform(0.02, 0.08), rng.normal(0, 0.004, (8, 3, 3))

    def truth(c: Configuration) -> float:
        m = c.method
        place = int(math.log2(m.rank)), [*LAYERS].index(m.layers), [*TARGETS].index(m.targets)
        smooth = top * (1 - 0.6 ** (place[0] + 2 * TARGETS[m.targets])) + 0.02 * LAYERS[m.layers]
        return 0.8 + float(smooth) + float(rough[place])

    return World(("method.rank=1,2,4,8,16,32,64,128", "method.layers=all,top-half,top-1",
                  "method.targets=qv,attention,all-linear"), truth)  # fmt: skip


WORLDS = {f.__name__: f for f in (plateau, cliff, tree, grid)}


def curve(world: str, sampler: str, seed: int, trials: int, *more: str) -> tuple[list[float], float]:
    """The share of the front's hypervolume after each trial, by true scores, and the seconds a trial took."""
    rng = np.random.default_rng([seed, 7])
    made = WORLDS[world](rng)
    cells: dict[tuple[str, int], float] = {}

    def score(c: Configuration, fold: int) -> float:
        key = (str(c), fold)
        if key not in cells:
            cells[key] = float(rng.normal(0, NOISE))
        return made.truth(c) + 0.01 * fold + cells[key]

    plan = plan_of("study.folds=3", "search.baselines=[]", f"study.trials={trials}", f"sampler={sampler}",
                   *made.overrides, *more, seed=seed)  # fmt: skip
    started = time.perf_counter()
    driver, _ = run(plan, score)
    seconds = (time.perf_counter() - started) / trials
    foresight, base = Foresight(plan), plan.config.configuration
    dense = fill(plan.tree, 8192, 0)
    dense_points = _points([(foresight.figures(a), made.truth(base.with_values(a))) for a in dense])
    tried = [driver.results[n].configuration for n in sorted(driver.results)]
    points = _points([(plan.known_figures(c), made.truth(c)) for c in tried])
    reference = (float(dense_points[:, 0].max()) + 0.1, float(-np.quantile(-dense_points[:, 1], 0.05)))
    whole = hypervolume(np.vstack([dense_points, points]), reference)
    return [hypervolume(points[: n + 1], reference) / whole for n in range(len(points))], seconds


def _points(rows: Sequence[tuple[Mapping[str, float], float]]) -> np.ndarray:
    return np.array([(math.log10(figures["params/trainable"]), -score) for figures, score in rows])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--samplers", default="tpe,nsga2,random,surface")
    parser.add_argument("--worlds", default=",".join(WORLDS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--json", default="")
    parser.add_argument("--settled", action="store_true", help="end studies by search.stop=settled")
    given = parser.parse_args()
    out = {}
    for world in given.worlds.split(","):
        for sampler in given.samplers.split(","):
            more = ["search.stop=settled"] if given.settled else []
            runs = [curve(world, sampler, seed, given.trials, *more) for seed in range(given.seeds)]
            mean = np.mean([[*shares, *shares[-1:] * (given.trials - len(shares))] for shares, _ in runs], axis=0)
            out[f"{world} {sampler}"] = [shares for shares, _ in runs]
            shown = "  ".join(f"{n}: {mean[n - 1]:.3f}" for n in (8, 16, 24, 32, 40, 60) if n <= given.trials)
            last = np.array([shares[-1] for shares, _ in runs])
            error = last.std(ddof=1) / math.sqrt(len(last)) if len(last) > 1 else math.nan
            print(
                f"{world:8} {sampler:8} {shown}  ± {error:.3f}  {np.mean([s for _, s in runs]):.3f} s  "
                f"{np.mean([len(shares) for shares, _ in runs]):.1f} trials",
                flush=True,
            )
    if given.json:
        Path(given.json).write_text(json.dumps(out))


if __name__ == "__main__":
    main()
