"""What has changed between the start of a study and its resumption, in words."""

from __future__ import annotations

from typing import Any

from study.search.identity import DATA, FILES, FOLDS, ORDER, Values

ANEW = "choose another study.name to start anew"
FORMER = f"bring the former files back, or {ANEW}"
REPEAT = f"repeat the first command to go on with it, or {ANEW}"
MOST = 40  # characters of a value that are quoted


def explained(changed: dict[str, tuple[Any, Any]], present: Values) -> tuple[str, str]:
    """The rule of an error about these keys, with their values before and now, and its remedy.

    Of what follows from another, such as folds from data, the cause alone is named. Where no key has changed, it was
    what an earlier version did not keep: data or files.
    """
    files = [f"other model files in {k.removeprefix(FILES)}, which have changed since" for k in changed if FILES in k]
    keys = [_key(key, *values) for key, values in changed.items() if key not in (DATA, FOLDS) and FILES not in key]
    if keys or files:
        return f"was run with {' and '.join([*keys, *files])}", FORMER if files and not keys else REPEAT
    if DATA in changed:
        source = present.get("task.path") or f"task={present['task.name']}"
        return f"was run on other data: the examples of {source} have changed since", FORMER
    if FOLDS in changed:
        return "was run with other folds (study.folds)", REPEAT
    return "was run on other data, or on other files of its model", FORMER


def _key(key: str, stored: Any, present: Any) -> str:
    if key == ORDER:
        return "the keys of method.rank in another order"
    return f"another {key} ({_short(stored)} before, {_short(present)} now)"


def _short(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= MOST else f"{text[:MOST]}..."
