"""What a study may say, measured on simulated ones: coverage, false claims, and the regret of three rules.

`OPENBLAS_NUM_THREADS=1 PYTHONPATH=tests python tests/benchmarks/evidence.py` prints the tables of README.md.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from simulated import METRICS, Study, study

from study.core.evidence.compare import Comparison
from study.core.evidence.selection import corrected_best
from study.core.evidence.sources import estimate
from study.core.evidence.verdict import CHOOSE, decide

TOLERANCE = 0.01
EFFECTS = ("none", "one", "plateau")
RULES = ("one SE of the best (until now)", "one SE, paired", "new")
Cells = dict[tuple[str, ...], list["Outcome"]]  # by metric, effect, configurations, k


def levels_and_costs(effect: str, configurations: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """True levels around 0.8, and costs in an order of their own.

    "one": a single configuration is 5 points better. "plateau": half are equal, the other half, the cheaper one,
    falls short by 2 to 10 points.
    """
    generator = np.random.default_rng(seed)
    levels, costs = np.full(configurations, 0.8), generator.permutation(configurations) + 1.0
    if effect == "one":
        levels[generator.integers(configurations)] += 0.05
    if effect == "plateau":
        cheap = costs <= configurations // 2
        levels[cheap] -= np.sort(generator.uniform(0.02, 0.1, cheap.sum()))[::-1][np.argsort(np.argsort(costs[cheap]))]
    return levels, costs


@dataclass(frozen=True)
class Outcome:
    """What one simulated study said, against its truth; what a rule chose is (regret, cost's rank from 0 to 1)."""

    covered: float  # share of marginal intervals against one reference, fixed beforehand, that hold the truth
    claims: bool  # any configuration called distinguishable from the best one
    wrong: bool  # any two called distinguishable that are equal, or the other way round
    chosen: tuple[tuple[float, float], ...]  # by rule
    sure: bool  # the new rule chose, it did not say that it cannot tell
    flattered: tuple[float, float]  # the best's score less its truth: as measured, corrected


def outcome(simulated: Study, costs: np.ndarray, seed: int, bootstrap: int = 100) -> Outcome:
    """Everything that the benchmark counts of one study."""
    truth, table = simulated.truth, simulated.table
    estimates = estimate(table)
    comparison, top = Comparison(estimates, seed=seed), int(estimates.means.argmax())
    claims, apart = comparison.claims(), truth[:, None] - truth
    covered = [c.low <= true <= c.high for c, true in zip(comparison.against(0), truth - truth[0], strict=True)][1:]
    verdict = decide(estimates, costs, TOLERANCE, seed=seed, count=2000)
    chosen = [own_error(table.scores, costs), paired_error(comparison, top, costs), verdict.recommended]
    return Outcome(
        float(np.mean(covered)), bool(claims[top].any()), bool(((claims != 0) & (claims * apart <= 0)).any()),
        tuple((float(truth.max() - truth[row]), float(costs[row] - 1) / (len(costs) - 1)) for row in chosen),
        verdict.kind == CHOOSE,
        (float(estimates.means[top] - truth[top]), corrected_best(table, bootstrap, seed) - float(truth[top])),
    )  # fmt: skip


def own_error(scores: np.ndarray, costs: np.ndarray) -> int:
    """The rule until now: the cheapest within one standard error of the best, by the best one's own folds."""
    means = scores.mean(axis=1)
    best = int(means.argmax())
    floor = means[best] - scores[best].std(ddof=1) / np.sqrt(scores.shape[1])
    return int(min(np.flatnonzero(means >= floor), key=lambda row: costs[row]))


def paired_error(comparison: Comparison, best: int, costs: np.ndarray) -> int:
    """The cheapest that lies within one standard error of its difference to the best."""
    near = [row for row, contrast in enumerate(comparison.against(best)) if contrast.mean >= -contrast.se]
    return min(near, key=lambda row: costs[row])


def outcomes(
    metric: str, effect: str, configurations: int, k: int, studies: int, overlap: bool = True
) -> list[Outcome]:
    """As many studies of one kind."""
    results = []
    first = zlib.crc32(f"{metric} {effect} {configurations} {k}".encode())
    for seed in range(first, first + studies):
        levels, costs = levels_and_costs(effect, configurations, seed)
        results.append(outcome(study(levels, k, metric, seed, overlap=overlap), costs, seed))
    return results


def share(results: list[Outcome], what: Callable[[Outcome], float]) -> float:
    """The mean of a number over studies."""
    return float(np.mean([what(result) for result in results]))


def by(cells: Cells, axes: tuple[int, ...]) -> Cells:
    """The cells put together that agree in these places of their key."""
    together: Cells = {}
    for key, results in cells.items():
        together.setdefault(tuple(key[axis] for axis in axes), []).extend(results)
    return together


def claims_table(cells: Cells) -> Iterator[str]:
    """Coverage and claims, a row a metric and effect and k, all sizes together."""
    heads = ("scores", "what differs", "k", "studies", "95 % intervals cover", "any claim", "a wrong one")
    yield "| " + " | ".join([*heads, "best too high by", "corrected"]) + " |"
    yield "| :-- | :-- |" + " --: |" * 7
    for (metric, effect, k), results in by(cells, (0, 1, 3)).items():
        numbers = [
            f"{share(results, lambda o: o.covered):.1%}", f"{share(results, lambda o: o.claims):.0%}",
            f"{share(results, lambda o: o.wrong):.0%}", f"{share(results, lambda o: o.flattered[0]):+.3f}",
            f"{share(results, lambda o: o.flattered[1]):+.3f}",
        ]  # fmt: skip
        yield "| " + " | ".join([metric, effect, k, str(len(results)), *numbers]) + " |"


def regret_table(cells: Cells) -> Iterator[str]:
    """Of three rules: how far the choice is from the best, how often within the tolerance, and how dear."""
    yield "| what differs | configurations | " + " | ".join(RULES) + " | new, where it is sure |"
    yield "| :-- | --: |" + " :-- |" * 4
    for (effect, size), results in by(cells, (1, 2)).items():
        sure = [result for result in results if result.sure]
        texts = [rule_text(results, rule) for rule in range(3)]
        texts.append(f"{len(sure) / len(results):.0%} of studies: {rule_text(sure, 2)}" if sure else "never")
        yield f"| {effect} | {size} | " + " | ".join(texts) + " |"


def rule_text(results: list[Outcome], rule: int) -> str:
    """Regret, share of choices within the tolerance, mean rank of the cost."""
    near = share(results, lambda o: o.chosen[rule][0] <= TOLERANCE)
    regret, cost = share(results, lambda o: o.chosen[rule][0]), share(results, lambda o: o.chosen[rule][1])
    return f"{regret:.4f}, {near:.0%}, {cost:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=36, help="of 10 configurations; half of 40, a sixth of 100")
    most = parser.parse_args().studies
    cells: Cells = {}
    counts = {10: most, 40: most // 2, 100: most // 6}
    for metric, effect, k, (size, studies) in itertools.product(METRICS, EFFECTS, (3, 5, 10), counts.items()):
        cells[metric, effect, str(size), str(k)] = outcomes(metric, effect, size, k, studies)
        print(metric, effect, size, k, file=sys.stderr, flush=True)
    print(*claims_table(cells), "", *regret_table(cells), "", sep="\n")
    apart = {(metric, "none, trainings independent", "10", str(k)): outcomes(metric, "none", 10, k, most, overlap=False)
             for metric in METRICS for k in (3, 5, 10)}  # fmt: skip
    print(*claims_table(apart), sep="\n")


if __name__ == "__main__":
    main()
