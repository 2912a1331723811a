"""What would let a study decide that cannot tell yet: a sentence, and the command that does it."""

from __future__ import annotations

import math
import re
import shlex

from analysis.runs import StudyRuns
from analysis.study_info import json_or_none
from study.core import formatting as fmt
from study.core.evidence.judgement import Judgement
from study.core.figures import repeated_note
from study.core.printed_commands import report_line

REPEATS, NAME, LIMIT = "study.repeats=", "study.name=", "task.limit="
LIMITED = re.compile(r"(\d+) of (\d+) used")  # what a task notes of a limit


def outlook_sentence(judgement: Judgement) -> str:
    """What would be expected to decide: more cross-validations, else more examples, else a wider tolerance."""
    outlook, answers = judgement.outlook, judgement.table.answers
    if outlook is None:
        return ""
    if outlook.repeats is not None:
        key = f"{REPEATS}{outlook.repeats}"
        return f"About {outlook.repeats} cross-validations in all would be expected to decide ({key})."
    if outlook.examples is not None and answers is not None:
        needed = fmt.count(_round_up(outlook.examples * answers.examples))
        return (
            "More cross-validations cannot decide, since the held-out examples are what makes it unsure: "
            f"about {needed} of them instead of {fmt.count(answers.examples)} would."
        )
    if outlook.tolerance is None:
        return "Neither more cross-validations nor more examples alone would be expected to decide."
    return (
        "Neither more cross-validations nor more examples alone would be expected to decide: "
        f"a tolerance of {_round_up(outlook.tolerance):g} would."
    )


def deciding_command(runs: StudyRuns, judgement: Judgement | None) -> str:
    """What to type for that: of more examples, a study of its own.

    Empty where nothing is undecided, in a control, where the task has too few examples, or where the study's own
    arguments were not recorded, as by earlier versions.
    """
    outlook = None if judgement is None else judgement.outlook
    if judgement is None or outlook is None or runs.info.is_control:
        return ""
    if outlook.repeats is not None:
        return _study_command(runs, f"{REPEATS}{outlook.repeats}")
    if outlook.examples is not None and judgement.table.answers is not None:
        limit = _larger_limit(runs, outlook.examples)
        return "" if limit is None else _study_command(runs, f"{NAME}{runs.name}-{limit}", f"{LIMIT}{limit}")
    if outlook.tolerance is None:
        return ""
    return report_line(runs.name, runs.info.store("tracking.uri"), f"tolerance={_round_up(outlook.tolerance):g}")


def _study_command(runs: StudyRuns, *changes: str) -> str:
    """The study's own command with these arguments in the place of those of the same keys; "" where it is unknown."""
    arguments = json_or_none(runs.info.tags.get("arguments"))
    if arguments is None:
        return ""
    keys = tuple(change.partition("=")[0] + "=" for change in changes)
    return shlex.join(["lora-study", *(each for each in arguments if not each.lstrip("+").startswith(keys)), *changes])


def _larger_limit(runs: StudyRuns, times: float) -> int | None:
    """The limit that lets a study use so many times its examples; None where none is set or its task has fewer."""
    notes = json_or_none(runs.info.tags.get("notes")) or {}
    used = LIMITED.fullmatch(str(notes.get("limit", "")))
    if used is None:
        return None
    limit = math.ceil(_round_up(times * int(used[1])))
    return limit if limit <= int(used[2]) else None


def repeat_notes(runs: StudyRuns) -> tuple[str, ...]:
    """Which scores a table shows where some trials were cross-validated again; none where no trial was."""
    note = repeated_note(runs.repeats["number"].nunique())
    return (note,) if note else ()


def _round_up(value: float) -> float:
    """The next number of two digits that is not less."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1) if value > 0 else 1.0
    return round(math.ceil(value / unit - 1e-9) * unit, 12)
