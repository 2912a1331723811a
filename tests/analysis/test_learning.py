"""Learning curves: read from the runs of folds, averaged over those that an epoch has, drawn and told in a table."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.epochs import COLUMNS, MOST, load_epochs, traced_numbers
from analysis.interactive import to_plotly
from analysis.plots_learning import learning_plots
from analysis.points import points_grid
from analysis.runs import load_study

LOSSES = {0: (0.7, 0.5, 0.3), 1: (0.8, 0.4, 0.2)}  # as the store has them, of each fold, by epoch


def test_epochs_are_read_from_the_folds_of_the_front_and_the_baselines(traced):
    study = load_study("demo", traced)
    epochs = load_epochs(study, traced).sort_values(["figure", "fold", "epoch"])
    losses = epochs[epochs["figure"] == "loss"]
    assert losses["value"].tolist() == [*LOSSES[0], *LOSSES[1]]
    assert losses["epoch"].tolist() == [1, 2, 3, 1, 2, 3]
    assert epochs.loc[epochs["figure"] == "score", "value"].tolist() == [0.5, 0.6]
    assert set(epochs["number"]) == {0}


def test_of_many_trials_the_baselines_and_the_highest_scores_of_the_front_are_read(traced):
    study = load_study("demo", traced)
    assert traced_numbers(study) == [0, 1, 2]
    costs = {"params/trainable": range(2000, 22000, 1000)}
    template = study.trials.iloc[[1] * 20].assign(number=range(10, 30), **costs)
    trials = pd.concat([study.trials, template.assign(score=[0.91 + i / 1000 for i in range(20)])], ignore_index=True)
    numbers = traced_numbers(type(study)("demo", study.info, trials, study.folds, {}))
    assert len(numbers) == MOST
    assert numbers == [0, *range(23, 30)]


def frame(rows):
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_a_curve_is_the_mean_over_folds_between_the_lowest_and_the_highest():
    rows = [(4, fold, epoch, "loss", value) for fold, losses in LOSSES.items() for epoch, value in enumerate(losses, 1)]
    rows += [(4, fold, 1, "score", 0.5) for fold in LOSSES]
    (plot,) = learning_plots(frame(rows), pd.DataFrame({"number": [4], "label": ["it"]}), "accuracy")
    (curve,) = plot.series
    assert (plot.name, curve.name, curve.x) == ("learning_loss", "4: it", (1, 2, 3))
    assert curve.y == pytest.approx((0.75, 0.45, 0.25))
    assert curve.band == ((0.7, 0.4, 0.2), (0.8, 0.5, 0.3))
    assert "epoch 2: training loss 0.4500 (0.4000 to 0.5000)" in curve.hover[1]
    grid = points_grid(plot)
    assert grid.headings == ("Series", "Epoch", "training loss", "From", "To", "Configuration")
    assert grid.rows[0][1:5] == ("1", "0.7500", "0.7000", "0.8000")
    assert to_plotly(plot).data[-1].y == curve.y


def test_an_epoch_that_some_fold_lacks_is_in_no_mean():
    rows = [(4, 0, epoch, "loss", 0.5) for epoch in (1, 2, 3)] + [(4, 1, epoch, "loss", 0.3) for epoch in (1, 2)]
    (plot,) = learning_plots(frame(rows), pd.DataFrame({"number": [4], "label": ["it"]}), "accuracy")
    assert plot.series[0].x == (1, 2)
    assert plot.series[0].y == pytest.approx((0.4, 0.4))


def test_one_epoch_is_no_curve():
    rows = [(4, 0, 1, "loss", 0.5), (4, 0, 1, "score", 0.5)]
    assert learning_plots(frame(rows), pd.DataFrame({"number": [4], "label": ["it"]}), "accuracy") == ()
