"""What further cross-validations of the undecided settle: the rule of `study.repeats=auto` on simulated studies.

`OPENBLAS_NUM_THREADS=1 PYTHONPATH=tests python tests/benchmarks/repeats.py` prints the table of README.md.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from benchmarks.evidence import EFFECTS, TOLERANCE, levels_and_costs, share
from simulated import Study, repeated_study, reveal

from study.config.schema import AUTO_REPEATS
from study.core.evidence.verdict import CANNOT_TELL, Verdict, decide

METRICS, K = ("accuracy", "rouge"), 5
Cells = dict[tuple[str, int], list["Outcome"]]  # by what differs and the number of configurations


@dataclass(frozen=True)
class Said:
    """What a study says at some time: the regret of what it recommends, and whether it is sure of it."""

    regret: float
    sure: bool


@dataclass(frozen=True)
class Outcome:
    """A study after its search and after its repeats, which took `spent` of the search's fold-trainings."""

    searched: Said
    repeated: Said
    spent: float


def outcome(simulated: Study, costs: np.ndarray, k: int, seed: int) -> Outcome:
    """Repeat what is undecided until it is decided, or until the repeats would take more than the search did."""
    rows, columns = simulated.table.scores.shape
    trained = np.zeros((rows, columns), bool)
    trained[:, :k] = True
    verdict = _decide(simulated, trained, costs, seed)
    searched = _said(simulated, verdict)
    for number in range(1, columns // k):
        further = trained[:, k:].sum() + k * len(verdict.undecided)
        if not verdict.undecided or further > rows * k:
            break
        trained[[*verdict.undecided], k * number : k * (number + 1)] = True
        verdict = _decide(simulated, trained, costs, seed)
    return Outcome(searched, _said(simulated, verdict), float(trained[:, k:].sum() / (rows * k)))


def _decide(simulated: Study, trained: np.ndarray, costs: np.ndarray, seed: int) -> Verdict:
    return decide(reveal(simulated.table, trained), costs, TOLERANCE, seed=seed, count=2000)


def _said(simulated: Study, verdict: Verdict) -> Said:
    return Said(float(simulated.truth.max() - simulated.truth[verdict.recommended]), verdict.kind != CANNOT_TELL)


def outcomes(metric: str, effect: str, configurations: int, studies: int) -> list[Outcome]:
    """As many studies of one kind."""
    first, results = zlib.crc32(f"repeats {metric} {effect} {configurations}".encode()), []
    for seed in range(first, first + studies):
        levels, costs = levels_and_costs(effect, configurations, seed)
        simulated = repeated_study(levels, K, AUTO_REPEATS, metric, seed)
        results.append(outcome(simulated, costs, K, seed))
    return results


def table(cells: Cells) -> Iterator[str]:
    """Before and after the repeats: how far the choice is from the best, how often near, how often sure."""
    yield "| what differs | configurations | studies | after the search | after repeats | folds more |"
    yield "| :-- | --: | --: | :-- | :-- | --: |"
    for (effect, size), results in cells.items():
        before, after = (_text([getattr(one, when) for one in results]) for when in ("searched", "repeated"))
        spent = share(results, lambda one: one.spent)
        yield f"| {effect} | {size} | {len(results)} | {before} | {after} | {spent:.0%} |"


def _text(said: list[Said]) -> str:
    near = float(np.mean([one.regret <= TOLERANCE for one in said]))
    regret, sure = (float(np.mean([getattr(one, name) for one in said])) for name in ("regret", "sure"))
    return f"{regret:.4f}, {near:.0%}; sure {sure:.0%}"


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=40, help="of 10 configurations and a metric; half of 40")
    most = parser.parse_args().studies
    cells: Cells = {}
    for effect, (size, studies) in itertools.product(EFFECTS, {10: most, 40: most // 2}.items()):
        cells[effect, size] = [one for metric in METRICS for one in outcomes(metric, effect, size, studies)]
        print(effect, size, file=sys.stderr, flush=True)
    print(*table(cells), sep="\n")


if __name__ == "__main__":
    main()
