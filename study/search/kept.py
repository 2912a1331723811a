"""A fold's result as attributes of its trial: one text, and where its answers are many, parts of them beside it.

A database of MySQL keeps at most 65,535 bytes an attribute (Optuna's column is TEXT); 20,000 answers may take more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from study.core.records import FoldResult

# Names of attributes; stores of every version have the first, and those of many examples the second.
FOLD, ANSWERS = "fold:", "answers:"
LONGEST = 40_000  # characters of answers in one attribute; a fold's other figures need some of the rest


def attributes_of(result: FoldResult) -> dict[str, str]:
    """Attributes in the order in which they are to be written: the last is the fold itself, which makes it durable."""
    answers = "" if result.answers is None else result.answers.to_text()
    if len(answers) <= LONGEST:
        return {f"{FOLD}{result.fold}": result.to_json()}
    parts = [answers[i : i + LONGEST] for i in range(0, len(answers), LONGEST)]
    kept = {f"{ANSWERS}{result.fold}:{i}": part for i, part in enumerate(parts)}
    whole = {**json.loads(result.to_json()), "answers": len(parts)}
    return {**kept, f"{FOLD}{result.fold}": json.dumps(whole)}


def folds_in(attributes: Mapping[str, Any]) -> dict[int, FoldResult]:
    """The results of the folds that are whole among a trial's attributes, by fold."""
    indices = [int(key.removeprefix(FOLD)) for key in attributes if key.startswith(FOLD)]
    return {index: _result(attributes, index) for index in indices}


def _result(attributes: Mapping[str, Any], index: int) -> FoldResult:
    text = attributes[f"{FOLD}{index}"]
    if f"{ANSWERS}{index}:0" not in attributes:
        return FoldResult.from_json(text)
    raw = json.loads(text)
    if isinstance(raw["answers"], int):  # else the parts are of a training that was cut off before it was durable
        raw["answers"] = "".join(attributes[f"{ANSWERS}{index}:{i}"] for i in range(raw["answers"]))
    return FoldResult.from_json(json.dumps(raw))
