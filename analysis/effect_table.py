"""What each searched key does, in words and numbers: how much it matters, where the score is best, by how much."""

from __future__ import annotations

import numpy as np

from analysis.effects import Effects
from analysis.settings import name_of
from study.core import formatting as fmt
from study.core.surface.effects import MainEffect, Share

ENDS = (0.025, 0.975)
LIKELY = 0.05  # of being the best: a choice that is less likely so is not named


def effect_rows(effects: Effects) -> tuple[dict[str, str], ...]:
    """A table's rows, the key that matters most first: heading → cell; none where there is no surface."""
    if effects.surface is None:
        return ()
    importances = effects.surface.importances
    ordered = sorted(effects.surface.effects, key=lambda effect: -importances[effect.knob.key].mean)
    return tuple(_cells(effect, importances[effect.knob.key]) for effect in ordered)


def _cells(effect: MainEffect, importance: Share) -> dict[str, str]:
    best, worst = int(effect.mean.argmax()), int(effect.mean.argmin())
    gap, error = effect.difference(best, worst)
    return {
        "Searched": name_of(effect.knob.key),
        "Of the variance between trials": f"{importance.mean:.0%} ({importance.low:.0%} to {importance.high:.0%})",
        "Best at": effect.knob.name(effect.values[best]),
        "Where the best may lie": _where(effect),
        "Better than at its worst by": fmt.with_se(gap, error),
        "Worst at": effect.knob.name(effect.values[worst]),
    }


def _where(effect: MainEffect) -> str:
    """The 95 % interval of the best number, or the choices that may be the best with their probabilities."""
    bests = effect.draws.argmax(1)
    if effect.knob.numeric:
        low, high = (effect.knob.name(effect.values[int(np.quantile(bests, end, method="nearest"))]) for end in ENDS)
        return low if low == high else f"{low} to {high}"
    chances = np.bincount(bests, minlength=len(effect.values)) / len(bests)
    likely = [place for place in np.argsort(-chances, kind="stable") if chances[place] >= LIKELY]
    return ", ".join(f"{effect.knob.name(effect.values[place])} ({chances[place]:.0%})" for place in likely)
