"""The best of many is flattered: what it scores once that is taken out."""

from __future__ import annotations

import numpy as np

from study.core.evidence.additive import Additive, fit
from study.core.evidence.normal import normal_errors
from study.core.evidence.sources import Estimates, estimate
from study.core.evidence.table import ScoreTable, Worths
from study.core.evidence.weighted import columns_by_fold, scores_under

OUT = np.exp(-1)  # the share of examples that a bootstrap leaves out


def corrected_best(table: ScoreTable, draws: int = 1000, seed: int = 0, estimates: Estimates | None = None) -> float:
    """The gain of the configuration with the highest mean, less what being the highest of C has flattered it by.

    With answers by bootstrap of the whole selection (BBC-CV, Tsamardinos, Greasidou and Borboudakis 2018): the best is
    chosen on the examples drawn and scored on those left out. Trainings cannot be drawn again, so their noise is
    split by a Gaussian: chosen on mean + a·e, scored on mean − e/a, which are independent (data thinning, Neufeld and
    others 2024), with the same share kept for choosing as the bootstrap keeps. Without answers all of it is split so.
    What all folds of a configuration share, since their training sets overlap, is left out: intervals are to be wide
    enough for it, but how large it is nothing measures, and a score is not to be lowered by a guess. Chosen among are
    those that have every fold. NaN where nothing measures the error. `estimates` are those of the table, where they are
    known already.
    """
    estimates = estimates or estimate(table)
    if not estimates.freedom:
        return np.nan
    generator, noise = np.random.default_rng(seed), estimates.apart
    if table.answers is None:
        chosen_by, scored_by = np.zeros((2, draws, len(estimates.means)))
        noise = noise + estimates.examples
    else:
        chosen_by, scored_by = _bootstrap(table, table.answers, draws, generator)
    error = normal_errors(noise, draws, generator)
    tilt = np.sqrt(OUT / (1 - OUT))
    drawn = estimates.means + chosen_by + tilt * error
    best = np.where(estimates.whole, drawn, -np.inf).argmax(axis=1)
    moved = scored_by - error / tilt
    kept = moved - moved.mean(axis=0)  # what each configuration moves by on average is chance, or a small fold's bias
    return float((estimates.means[best] + kept[np.arange(draws), best]).mean())


def _bootstrap(
    table: ScoreTable, answers: Worths, draws: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """How far the means [draws, C] lie from those measured, on the groups of examples drawn and on those left out.

    Poisson weights, kept over repeats, stand for drawing with replacement; a fold of which nothing was drawn, or
    nothing was left out, stays as measured.
    """
    weights = generator.poisson(size=(answers.cluster.max() + 1, draws)).astype(float)
    inside, outside = np.full((2, *table.scores.shape, draws), np.nan)
    for fold, columns in columns_by_fold(answers, table.scores.shape[1]):
        drawn = weights[answers.cluster[columns]]
        inside[:, fold] = scores_under(answers, columns, drawn)
        outside[:, fold] = scores_under(answers, columns, (drawn == 0).astype(float))
    model = fit(table.trained)
    return _moves(model, table, inside), _moves(model, table, outside)


def _moves(model: Additive, table: ScoreTable, scores: np.ndarray) -> np.ndarray:
    moved: np.ndarray = model.means(np.nan_to_num(scores - table.scores[:, :, None])).T
    return moved
