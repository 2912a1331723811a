"""What each trial has of the keys that its study searches, as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

WITHOUT_FACTORS = ("full", "head")  # kinds that have none of the keys below; their recorded defaults mean nothing
OF_FACTORS = ("method.rank", "method.lam", "method.lambda", "method.targets", "method.layers", "method.residual")
RANK = "method.rank"
EARLIER = {"method.lam": "method.lambda"}  # as earlier versions called it
NAMES = {
    "model.name": "model",
    "train.batch_size": "batch size",
    "method.kind": "method",
    "method.rank": "rank",
    "method.lam": "λ",
    "method.lambda": "λ",
    "train.lr": "learning rate",
}


WHOLE = "task.name"  # a parameter of every study, and of each trial that an earlier version recorded


def merge_parameters(study: Mapping[str, str], trial: Mapping[str, str], searched: Iterable[str]) -> Mapping[str, str]:
    """What a trial has of every parameter: its own over the study's.

    A searched key that the trial does not have is none of its method's. Earlier versions recorded all of them on each
    trial, which then are taken as they are.
    """
    if WHOLE in trial:
        return trial
    keys = {RANK if key.startswith(f"{RANK}.") else key for key in searched}
    return {**{key: value for key, value in study.items() if key not in keys}, **trial}


def setting_frame(trials: Sequence[tuple[int, Mapping[str, str]]] = (), keys: Sequence[str] = ()) -> pd.DataFrame:
    """One row a trial, indexed by its number, and a column a key; None where the trial has no such key.

    `trials` are numbers with the parameters of their runs, of which the first counts where a number occurs twice.
    """
    rows = {number: [recorded_setting(params, key) for key in keys] for number, params in reversed(trials)}
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(keys), dtype=object).sort_index()


def recorded_setting(params: Mapping[str, str], key: str) -> str | None:
    """What a run's parameters say of one key: of ``method.rank.ffn``, that part of the recorded pattern."""
    if params.get("method.kind") in WITHOUT_FACTORS and (key in OF_FACTORS or key.startswith(f"{RANK}.")):
        return None
    if key.startswith(f"{RANK}."):
        return _part(params.get(RANK, ""), key.removeprefix(f"{RANK}."))
    value = params.get(key, params.get(EARLIER.get(key, key)))
    return None if value in ("None", "") else value


def name_of(key: str) -> str:
    """A key as a reader knows it: ``rank``, ``λ``, or what stands behind its group."""
    return NAMES.get(key, key.partition(".")[2] or key)


def _part(pattern: str, target: str) -> str | None:
    """The rank of one target in a pattern such as ``attention:8,ffn:2``; None where it has none."""
    ranks = dict(part.strip().rpartition(":")[::2] for part in pattern.split(","))
    return ranks.get(target)
