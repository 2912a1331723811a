"""The curves of replayed studies: what share of the front a share of the fold-trainings had found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from benchmarks.outcomes import Outcome
from benchmarks.replay_tables import BUDGET, mean, volume_at

GRID = np.linspace(0.05, 1, 39)  # budgets, as shares of the grid's fold-trainings
COLORS = {"random": "#777777", "tpe": "#0072b2", "nsga2": "#d55e00", "gp": "#009e73", "surface": "#cc79a7"}


def curve(results: Sequence[Outcome]) -> tuple[np.ndarray, np.ndarray]:
    """Budgets up to the mean of what was trained in the end, and the mean share of the hypervolume at each."""
    end = mean(results, lambda one: one.spent[-1])
    budgets = np.append(GRID[end > GRID], end)
    volumes = [mean(results, lambda one, budget=budget: volume_at(one, budget)) for budget in budgets[:-1]]
    return budgets, np.array([*volumes, mean(results, lambda one: one.volume[-1])])


def draw(kept: Mapping[str, Mapping[str, Sequence[Outcome]]], path: Path) -> None:
    """One panel a task; with racing solid, without dashed."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams |= {"svg.hashsalt": "replay", "svg.fonttype": "none"}
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(kept), figsize=(3.6 * len(kept) + 1, 4.2), sharey=True, squeeze=False)
    for panel, (task, cells) in zip(panels[0], kept.items(), strict=True):
        for name, results in cells.items():
            sampler, pruner = name.split()
            if len(results[0].spent) > 1:
                style = "-" if pruner == "racing" else "--"
                label = f"{sampler}, racing" if pruner == "racing" else sampler
                panel.plot(*curve(results), style, color=COLORS.get(sampler, "black"), label=label, linewidth=1.4)
        panel.axvline(BUDGET, color="#bbbbbb", linewidth=0.8)
        panel.axhline(0.99, color="#bbbbbb", linewidth=0.8)
        panel.set(title=task, xlabel="share of the grid's fold-trainings", xlim=(0, 1), ylim=(0.5, 1.01))
    panels[0][0].set_ylabel("share of the front's hypervolume")
    lines = {line.get_label(): line for panel in panels[0] for line in panel.get_lines()[:-2]}
    figure.tight_layout(rect=(0, 0.1, 1, 1))
    figure.legend([*lines.values()], [*lines], ncols=5, fontsize=8, loc="lower center")
    figure.savefig(path, metadata={"Date": None})
