"""Plots of what each searched key does to the score: a curve or points with their intervals, over the trials."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np
import pandas as pd

from analysis.effects import Effects
from analysis.plots import SYMBOLS, Plot, Series, jitter, series_of, thin_out
from analysis.settings import name_of
from study.core import formatting as fmt
from study.core.limits import score_limits
from study.core.surface.effects import MainEffect, Share, Surface
from study.core.surface.knobs import Knob

PLACE = "place on the axis"
ASIDE = 0.25  # how far beside its level's estimate a choice's trials are drawn
SPREAD = 0.08
KINDS = (0, 3, 5, 7)  # colours of trials: the curve and the dashed line have 1 and 2
AVERAGED = "The band is the 95 % interval of the average over what the other keys were, from all trials and folds."


def effect_plots(effects: Effects, metric: str) -> tuple[Plot, ...]:
    """The importances of all keys, and one plot a key; none where there is no surface."""
    if effects.surface is None:
        return ()
    plots = [_numeric(effects, e, metric) if e.knob.numeric else _choice(effects, e, metric)
             for e in effects.surface.effects]  # fmt: skip
    return (importance_plot(effects.surface), *_apart(plots))


def importance_plot(surface: Surface) -> Plot:
    """The share of the variance between trials that each key explains, the largest first, and what none does."""
    largest = sorted(surface.importances.items(), key=lambda item: -item[1].mean)
    bars = [*((name_of(key), share) for key, share in largest), ("none of them", surface.unexplained)]
    series = Series(
        "share of the variance", tuple(map(float, range(len(bars)))), tuple(100 * share.mean for _, share in bars),
        (nan,) * len(bars), tuple(f"{name}: {_percent(share)}" for name, share in bars), "circle", color=1,
        band=(tuple(100 * share.low for _, share in bars), tuple(100 * share.high for _, share in bars)), bars=True,
    )  # fmt: skip
    caption = (
        "How much of the variance of the scores between trials each key explains, with half of what it does together "
        "with each other key; whiskers are 95 % intervals. The last is noise, and what the curves are too smooth for."
    )
    ticks = tuple((float(i), name) for i, (name, _) in enumerate(bars))
    return Plot(
        "importances", "What matters", caption, "searched key", "share of the variance (%)", (series,), ticks=ticks
    )


def _numeric(effects: Effects, effect: MainEffect, metric: str) -> Plot:
    """The trials by the key's numbers, and the curve with its band over them."""
    knob, name = effect.knob, name_of(effect.knob.key)
    trials, note = thin_out(effects.trials.assign(**{PLACE: knob.values}), PLACE, ["kind"], log_x=knob.log)
    low, mean, high = _scores(effects, effect, metric)
    hover = _hover(effect, metric, (low, mean, high))
    x = tuple(map(float, effect.values))
    curve = Series("average, 95 % interval", x, mean, (nan,) * len(x), hover, "circle", color=1, band=(low, high))
    series = (*_trials(trials), curve, *_without(effects, effect))
    ticks = tuple((float(v), knob.name(v)) for v in knob.ticks)
    caption = f"{AVERAGED}{_not_drawn(effects)}{' Dashed: trials without it.' * bool(knob.apart)}{note}"
    return Plot(_file(knob), f"Effect of {name}", caption, name, metric, series, knob.log, ticks)


def _choice(effects: Effects, effect: MainEffect, metric: str) -> Plot:
    """The trials of each choice, and its average with its interval beside them."""
    knob, name = effect.knob, name_of(effect.knob.key)
    places = knob.values - ASIDE + SPREAD * jitter(effects.trials["number"].to_numpy())
    trials, note = thin_out(effects.trials.assign(**{PLACE: places}), PLACE, ["kind"])
    low, mean, high = _scores(effects, effect, metric)
    hover = _hover(effect, metric, (low, mean, high))
    halves = tuple((b - a) / 2 for a, b in zip(low, high, strict=True))
    x = tuple(map(float, effect.values))
    averages = Series("average, 95 % interval", x, mean, halves, hover, "diamond", color=1)
    ticks = tuple((float(v), knob.name(v)) for v in effect.values)
    series = (*_trials(trials), averages, *_without(effects, effect))
    dashed = " Dashed: trials without it." * bool(knob.apart)
    caption = f"{AVERAGED.replace('The band', 'A bar')}{_not_drawn(effects)}{dashed}{note}"
    return Plot(_file(knob), f"Effect of {name}", caption, name, metric, series, ticks=ticks)


def _not_drawn(effects: Effects) -> str:
    """That trials without a whole cross-validation are in the average, where there are such."""
    some = bool(effects.trials["score"].isna().any())
    return " Trials that were stopped are in it by their folds, and not drawn." * some


def _trials(trials: pd.DataFrame) -> tuple[Series, ...]:
    """The trials at their places, one series a kind where there are several."""
    kinds = trials.groupby("kind")
    return tuple(
        series_of(
            "trials" if len(kinds) == 1 else str(kind),
            part,
            PLACE,
            SYMBOLS[i % len(SYMBOLS)],
            color=KINDS[i % len(KINDS)],
        )
        for i, (kind, part) in enumerate(kinds)
    )


def _scores(effects: Effects, effect: MainEffect, metric: str) -> tuple[tuple[float, ...], ...]:
    """The ends and the middle of the interval of the score at each value: low, mean, high; none that cannot be."""
    level = _level(effects)
    low, mean, high = (effects.sign * (level + part) for part in (effect.low, effect.mean, effect.high))
    if effects.sign < 0:
        low, high = high, low
    return tuple(tuple(np.clip(part, *score_limits(metric)).tolist()) for part in (low, mean, high))


def _hover(effect: MainEffect, metric: str, interval: tuple[tuple[float, ...], ...]) -> tuple[str, ...]:
    """What a reader sees of the score at each value: its place and its interval of low, mean and high."""
    name, knob = name_of(effect.knob.key), effect.knob
    return tuple(
        f"{name} {knob.name(x)}\n{metric} {fmt.number(y)} ({fmt.number(a)} to {fmt.number(b)})"
        for x, a, y, b in zip(effect.values, *interval, strict=True)
    )


def _without(effects: Effects, effect: MainEffect) -> tuple[Series, ...]:
    """A dashed line at the average of the trials that lack the key."""
    if effect.apart is None:
        return ()
    y = effects.sign * (_level(effects) + effect.apart.mean)
    ends = (float(effect.values.min()), float(effect.values.max()))
    label = f"{name_of(effect.knob.key)} {effect.knob.apart}"
    text = f"{label}: {fmt.number(y)} ± {fmt.number(_half(effect.apart))}"
    return (Series(label, ends, (y, y), (nan, nan), (text, text), "circle", color=2, dashed=True),)


def _level(effects: Effects) -> float:
    return effects.surface.level.mean if effects.surface else nan


def _half(share: Share) -> float:
    return (share.high - share.low) / 2


def _percent(share: Share) -> str:
    return f"{share.mean:.0%} ({share.low:.0%} to {share.high:.0%})"


def _file(knob: Knob) -> str:
    return "effect_" + "".join(c if c.isalnum() else "-" for c in knob.key)


def _apart(plots: list[Plot]) -> list[Plot]:
    """The plots with names of their own: keys that differ in signs alone would share one."""
    names = [plot.name for plot in plots]
    return [
        replace(plot, name=f"{plot.name}_{i}") if names.count(plot.name) > 1 else plot for i, plot in enumerate(plots)
    ]
