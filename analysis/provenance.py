"""Where a study's numbers come from: its data, folds, model, search, software and machine, as its record has them."""

from __future__ import annotations

import re

import pandas as pd

from analysis.judgement import tolerance_of
from analysis.runs import StudyRuns
from analysis.study_info import StudyInfo, json_or_none
from study.core import formatting as fmt
from study.core.evidence.judgement import Judgement
from study.core.records import PRUNED

Rows = tuple[tuple[str, str], ...]
ARGUMENT = re.compile(r"'_target_': '([^']+)'")
UNSAID = ("None", "False")  # values of a task's keys that say nothing
COUNTED = ", which the comparison counts with the folds that they have"
MANY = 6  # values that a row names each


def provenance(runs: StudyRuns, judgement: Judgement | None = None) -> tuple[tuple[str, Rows], ...]:
    """Titles and rows of name and value; what was not recorded is a dash. `judgement` is the report's own."""
    info = runs.info
    return (
        ("Study", _study(runs, judgement)),
        ("Data and folds", _data(info)),
        ("Model and training", _training(runs)),
        ("Search", _search(runs)),
        ("Software and machine", _machine(runs)),
    )


def left_out(runs: StudyRuns) -> str:
    """Sentences on how many trials are not compared and why, and on why the search ended before its budget; empty where
    all are and it did not."""
    reasons, ending = _reasons(runs), runs.info.tags.get("ending")
    return " ".join(filter(None, [reasons and f"Left out: {reasons}.", ending and f"{ending[0].upper()}{ending[1:]}."]))


def _study(runs: StudyRuns, judgement: Judgement | None) -> Rows:
    info = runs.info
    ended = "" if info.ended is None else f", ended {info.ended:%Y-%m-%d %H:%M}"
    command = info.tags.get("command")
    return (
        ("study run", f"{info.run_id} ({info.status.lower()}, started {info.started:%Y-%m-%d %H:%M}{ended} UTC)"),
        ("runs in MLflow, best first", runs.trials_link),
        *((("MLflow's pages are there while this runs", runs.ui),) if runs.ui else ()),
        ("command", fmt.text(command and f"lora-study {command}")),
        ("compared", f"{len(runs.compared)} of {fmt.plural(len(runs.trials), 'trial')}"),
        ("left out", _reasons(runs) or "nothing"),
        ("objectives", ", ".join(f"{d} {o}" for o, d in zip(info.objectives, info.directions, strict=False))),
        ("constraints", _list(info.params.get("constraints"))),
        ("given up for a cheaper model", _given_up(runs, judgement)),
    )


def _given_up(runs: StudyRuns, judgement: Judgement | None) -> str:
    """By what the report recommends, which may be asked otherwise than the study was."""
    if judgement is not None:
        return f"{judgement.tolerance:g}, with confidence {judgement.confidence:g}"
    return f"{tolerance_of(runs):g}, with confidence {fmt.text(runs.info.params.get('report.confidence'))}"


def _reasons(runs: StudyRuns) -> str:
    """How many trials are not compared, and how many for each reason; empty where all are."""
    counts = {reason: n for reason, n in runs.left_out.items() if n}
    if not counts:
        return ""
    reasons = ", ".join(f"{n} {reason}{COUNTED * (reason == PRUNED)}" for reason, n in counts.items())
    return f"{sum(counts.values())} of {fmt.plural(len(runs.trials), 'trial')} ({reasons})"


def _data(info: StudyInfo) -> Rows:
    notes = json_or_none(info.tags.get("notes")) or {}
    said = [f"{key.removeprefix('task.')} {value}" for key, value in info.params.items()
            if key.startswith("task.") and key != "task.name" and value not in UNSAID]  # fmt: skip
    return (
        ("task", fmt.text(info.params.get("task.name"))),
        ("task settings", fmt.text(", ".join(said))),
        ("examples", _tag(info, "examples")),
        ("test examples", _tag(info, "test_examples")),
        ("about the data", fmt.text("; ".join(f"{k}: {v}" for k, v in notes.items()))),
        ("data fingerprint", _tag(info, "data_fingerprint")),
        ("folds and seed", f"{fmt.text(info.params.get('study.folds'))}, {fmt.text(info.params.get('study.seed'))}"),
        ("folds fingerprint", _tag(info, "folds_fingerprint")),
    )


def _training(runs: StudyRuns) -> Rows:
    params = runs.info.params
    return (
        ("model", fmt.text(params.get("model.name"))),
        ("model fingerprint", _tag(runs.info, "model_fingerprint")),
        ("Python that came with the model", _foreign_code(params.get("model.trust_remote_code"))),
        ("precision of what is frozen", _every(runs, "model.precision")),
        ("longest text, in tokens", _every(runs, "model.max_length")),
        ("epochs", _every(runs, "train.epochs")),
        ("learning rate", _every(runs, "train.lr")),
        ("batch size", _every(runs, "train.batch_size")),
        ("trained together", _packs(runs)),
    )


def _search(runs: StudyRuns) -> Rows:
    params = runs.info.params
    return (
        ("space", fmt.text("; ".join(f"{key}: {sweep}" for key, sweep in runs.info.sweeps.items()))),
        ("baselines", _list(params.get("search.baselines"))),
        ("trials asked for", fmt.text(params.get("study.trials"))),
        ("schedule", _schedule(params)),
        ("sampler", _last_name(params.get("sampler"))),
        ("pruner", _last_name(params.get("pruner._target_"))),
    )


def _schedule(params: dict[str, str]) -> str:
    """When trials were asked for; a record that does not say it is of a version that knew rounds alone."""
    schedule, size = params.get("search.schedule", "rounds"), fmt.text(params.get("search.round"))
    if schedule == "rounds":
        return f"rounds of {size} trials"
    if schedule == "rolling":
        return f"rolling rounds: {size} trials at a time, of which each that ends makes room for another"
    return f"{schedule}: as workers were free, so that the same seed gives another study"


def _machine(runs: StudyRuns) -> Rows:
    info = runs.info
    versions = json_or_none(info.tags.get("versions")) or {}
    workers = info.params.get("launcher.workers")
    return (
        ("versions", fmt.text(", ".join(f"{k} {v}" for k, v in versions.items()))),
        ("git commit", _tag(info, "git_commit")),
        ("uncommitted changes", _tag(info, "git_dirty")),
        ("device", _tag(info, "device")),
        ("machine", _tag(info, "machine")),
        ("workers", "one for each GPU or core" if workers == "None" else fmt.text(workers)),
    )


def _tag(info: StudyInfo, name: str) -> str:
    return fmt.text(info.tags.get(name))


def _foreign_code(trusted: str | None) -> str:
    """Whether it could run; studies of earlier versions do not say so."""
    return {"True": "may run, by model.trust_remote_code=true", "False": "not run"}.get(str(trusted), fmt.MISSING)


def _every(runs: StudyRuns, key: str) -> str:
    """What the trials have of a key: one value, or those that differ."""
    values = {runs.parameter(number, key) for number in runs.trials["number"]} or {runs.info.params.get(key)}
    known = sorted(filter(None, values), key=_as_number)
    return fmt.text(", ".join(known) if len(known) <= MANY else f"{known[0]} to {known[-1]}")


def _packs(runs: StudyRuns) -> str:
    """How many members were asked to train together, and how many did."""
    asked = fmt.text(runs.info.params.get("engine.pack"))
    members = runs.trials.get("pack/members", pd.Series(dtype=float)).dropna()
    if members.empty:
        return f"as engine.pack={asked} decides"
    if members.max() <= 1:
        return f"nothing, by engine.pack={asked}"
    return f"{fmt.short(members.min())} to {fmt.short(members.max())} members, by engine.pack={asked}"


def _as_number(text: str) -> tuple[float, str]:
    try:
        return float(text), ""
    except ValueError:
        return float("inf"), text


def _last_name(text: str | None) -> str:
    """The class that a recorded group names, without the modules before it."""
    named = ARGUMENT.search(text or "")
    return fmt.text((named[1] if named else text or "").rpartition(".")[2])


def _list(text: str | None) -> str:
    """A list as it was recorded, without its brackets."""
    return fmt.text((text or "").strip("[]").replace("'", "").replace('"', ""))
