"""How large the errors that studies state are, held against those that the trained grids show to have been made.

`PYTHONPATH=tests python tests/benchmarks/calibration.py TASK ...` compares each configuration's distance from the mean
of its grid, as one cross-validation has it, with the same of what the configurations are worth (truths.py).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from benchmarks import truths
from benchmarks.grid_table import load, seeds, tasks
from benchmarks.lookup import Grid, replay

from study.core.evidence.posterior import contrast_variance
from study.search.verdict import judge_results


@dataclass(frozen=True)
class Errors:
    """Root mean squares over configurations and grids: the error that was `made`, and what was `stated`, of which
    `examples` and `trainings` are the sources and `overlap` what is added since training sets overlap."""

    made: float
    stated: float
    examples: float
    trainings: float
    overlap: float


def errors_of(task: str) -> Errors:
    """The errors of all the task's grids."""
    worth, made, parts = truths.worth(task), [], []
    for seed in seeds(task):
        grid = Grid(load(task, seed))
        driver = replay(grid, "sampler=grid", "pruner=none", seed=seed)
        judgement = judge_results(driver.plan, driver.results)
        assert judgement is not None
        estimates = judgement.estimates
        true = worth[[grid.rows[driver.results[number].configuration] for number in judgement.table.numbers]]
        made.append((estimates.means - true) - (estimates.means - true).mean())
        covariances = estimates.covariance, estimates.examples, estimates.apart, estimates.trainings - estimates.apart
        parts.append([contrast_variance(covariance) for covariance in covariances])
    stated = np.sqrt(np.mean(parts, axis=(0, 2)))
    return Errors(float(np.sqrt(np.mean(np.square(made)))), *map(float, stated))


def rows(names: list[str]) -> Iterator[str]:
    """The table, as Markdown."""
    yield "| grid | error made | stated | of it examples | trainings | overlap |"
    yield "| :-- |" + " --: |" * 5
    for task in names:
        errors = errors_of(task)
        numbers = errors.made, errors.stated, errors.examples, errors.trainings, errors.overlap
        yield f"| {task} | {' | '.join(f'{number:.4f}' for number in numbers)} |"


if __name__ == "__main__":
    print(*rows(sys.argv[1:] or tasks()), sep="\n")
