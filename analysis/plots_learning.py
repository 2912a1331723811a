"""Learning curves: what each epoch measured, the mean over folds between the lowest and the highest fold."""

from __future__ import annotations

from math import nan

import pandas as pd

from analysis.plots import SYMBOLS, Plot, Series
from study.core import formatting as fmt

SPREAD = "A line is the mean over folds, its band reaches from the lowest to the highest fold."
SHOWN = "The baselines and the front, of many the highest scores."


def learning_plots(epochs: pd.DataFrame, trials: pd.DataFrame, metric: str) -> tuple[Plot, ...]:
    """The training loss and the held-out score by epoch, one plot each; none of what has fewer than two epochs.

    `epochs` are rows of number, fold, epoch, figure and value; a trial's curve is made of the epochs that all of its
    folds have.
    """
    loss = _plot(epochs, trials, "loss", "Training loss by epoch", "training loss", "learning_loss", "")
    held_out = " It was taken on the examples that each fold holds out, and nothing was chosen by it."
    score = _plot(epochs, trials, "score", "Held-out score by epoch", metric, "learning_score", held_out)
    return tuple(plot for plot in (loss, score) if not plot.empty)


def _plot(
    epochs: pd.DataFrame, trials: pd.DataFrame, figure: str, title: str, y_title: str, name: str, remark: str
) -> Plot:
    rows = epochs[epochs["figure"] == figure]
    labels = trials.set_index("number")["label"]
    curves = [(int(number), _curve(part)) for number, part in rows.groupby("number")]
    drawn = [(number, curve) for number, curve in curves if len(curve) > 1]
    series = tuple(_series(i, number, str(labels[number]), curve, y_title) for i, (number, curve) in enumerate(drawn))
    ends = sorted({int(epoch) for _, curve in drawn for epoch in curve.index})
    ticks = tuple((float(epoch), str(epoch)) for epoch in ends[:: max(1, len(ends) // 10)])
    return Plot(name, title, f"{SPREAD} {SHOWN}{remark}", "epoch", y_title, series, ticks=ticks)


def _curve(part: pd.DataFrame) -> pd.DataFrame:
    """The mean, the lowest, the highest and the number of folds of each epoch that all of a trial's folds have."""
    by_epoch = part.groupby("epoch")["value"].agg(["mean", "min", "max", "count"]).sort_index()
    return by_epoch[by_epoch["count"] == part["fold"].nunique()]


def _series(place: int, number: int, label: str, curve: pd.DataFrame, y_title: str) -> Series:
    columns = (curve.index, curve["mean"], curve["min"], curve["max"])
    x, mean, low, high = (tuple(map(float, column)) for column in columns)
    hover = tuple(
        f"trial {number}: {label}\nepoch {epoch:.0f}: {y_title} {fmt.number(y)} ({fmt.number(a)} to {fmt.number(b)})"
        for epoch, y, a, b in zip(x, mean, low, high, strict=True)
    )
    name, symbol = f"{number}: {label}", SYMBOLS[place % len(SYMBOLS)]
    unknown = (nan,) * len(x)
    return Series(name, x, mean, unknown, hover, symbol, color=place, band=(low, high))
