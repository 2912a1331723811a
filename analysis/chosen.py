"""What a trial's configuration is, key by key, and the commands that train it once more and export it."""

from __future__ import annotations

import re
import shlex

from analysis.runs import StudyRuns
from analysis.settings import EARLIER, OF_FACTORS, RANK, WITHOUT_FACTORS, name_of
from study.core import formatting as fmt
from study.core.printed_commands import export_line
from study.core.quoting import quote

# The keys that say what a configuration is, whatever was searched.
ESSENTIAL = (
    "model.name", "method.kind", "method.rank", "method.lam", "method.targets", "method.layers", "train.lr",
    "train.epochs", "train.batch_size",
)  # fmt: skip
# What a study's command says of other trials than the one.
OF_OTHERS = ("study.name", "study.trials", "space", "search.baselines", "sampler", "pruner")
ALONE = ("study.trials=1", "search.baselines=[]")
LATER = {former: key for key, former in EARLIER.items()}
PLAIN = re.compile(r"-?[\w./+-]+")  # a value that Hydra and a shell read as it is written
FLAGS = ("-m", "--multirun")


def recorded_values(runs: StudyRuns, number: int) -> dict[str, str]:
    """What a trial has of every recorded key, by the key's present name."""
    values = {**runs.info.params, **runs.changes.get(number, {})}
    return {LATER.get(key, key): value for key, value in values.items() if value is not None}


def deciding_keys(runs: StudyRuns, number: int) -> list[str]:
    """The keys that tell a trial from others: those that its study searches, and those in which it departs from it."""
    searched = [RANK if key.startswith(f"{RANK}.") else key for key in runs.info.sweeps]
    keys = [*searched, *(key for key, value in runs.changes.get(number, {}).items() if value is not None)]
    return list(dict.fromkeys(LATER.get(key, key) for key in keys))


def chosen_values(runs: StudyRuns, number: int) -> tuple[tuple[str, str], ...]:
    """The names and values of every key that matters, the deciding ones first; without those of factors where a
    trial's method has none."""
    values = recorded_values(runs, number)
    bare = values.get("method.kind") in WITHOUT_FACTORS
    keys = dict.fromkeys([*deciding_keys(runs, number), *ESSENTIAL])
    shown = [key for key in keys if key in values and not (bare and key in OF_FACTORS)]
    return tuple((name_of(key), _shown(values[key])) for key in shown)


def repeat_command(runs: StudyRuns, number: int) -> str:
    """The command that trains this one configuration on the same folds once more, as a study of its own.

    Empty where the study's own command was not recorded, or cannot be read.
    """
    try:
        typed = shlex.split(runs.info.tags.get("command", ""))
    except ValueError:  # an earlier version recorded it without a shell's quotes
        return ""
    if not typed:
        return ""
    values = recorded_values(runs, number)
    decided = [key for key in deciding_keys(runs, number) if key in values]
    base = [word for word in typed if word not in FLAGS and not _concerns(word, (*OF_OTHERS, *runs.info.sweeps))]
    named = f"study.name={runs.name}-trial-{number}"
    return shlex.join(["lora-study", *base, named, *ALONE, *(f"{key}={_value(values[key])}" for key in decided)])


def export_command(runs: StudyRuns, trial: int | str) -> str:
    """The command that exports a trial's model, or the `best` one's, in every format."""
    return export_line(runs.name, trial, runs.info.store("storage.url"))


def _concerns(word: str, keys: tuple[str, ...]) -> bool:
    """Whether an argument is about one of the keys, or about an argument of a group among them."""
    key = word.partition("=")[0].lstrip("+~")
    return "=" in word and any(key == each or key.startswith(f"{each}.") for each in keys)


def _value(recorded: str) -> str:
    """A recorded value in Hydra's grammar."""
    if recorded in ("None", "True", "False"):
        return {"None": "null", "True": "true", "False": "false"}[recorded]
    return recorded if PLAIN.fullmatch(recorded) else quote(recorded)


def _shown(recorded: str) -> str:
    """A recorded value as a reader sees it: a number of at most three digits, a dash for nothing."""
    if recorded == "None":
        return fmt.MISSING
    return fmt.short(float(recorded)) if re.fullmatch(r"-?\d+\.\d+(e[+-]?\d+)?", recorded) else recorded
