"""What tags say of trials and folds; MLflow's stores of every version have their names."""

from __future__ import annotations

from study.config.members import Stop, TrialResult
from study.core.mlflow_store import REPLACES, STATE, TAG
from study.core.records import Adaptation, FoldResult

LONGEST = 5000  # characters of an error that a tag takes
COMPLETE = "complete"


def trial_tags(label: str, baseline: str | None, adaptation: Adaptation | None) -> dict[str, str]:
    """What a trial's configuration is called, and what it comes to on its model."""
    tags = {f"{TAG}label": label}
    tags |= {f"{TAG}baseline": baseline} if baseline else {}
    return tags | ({f"{TAG}adaptation": adaptation.to_json()} if adaptation else {})


def fold_tags(result: FoldResult) -> dict[str, str]:
    """Which fold it is, where it trained, and why it failed where it did."""
    error = {f"{TAG}error": result.error[:LONGEST]} if result.error else {}
    return {f"{TAG}fold": str(result.fold), f"{TAG}device": result.device, **error}


def outcome_tags(result: TrialResult) -> dict[str, str]:
    """What became of a trial, beyond its status."""
    tags = {} if result.duplicate_of is None else {f"{TAG}duplicate_of": str(result.duplicate_of)}
    tags |= {} if result.replaces is None else {REPLACES: str(result.replaces)}
    tags |= {key: text for key, text in feasibility_tags(result).items() if text}
    tags |= {} if result.stopped is None else _stop_tags(result.stopped)
    errors = [fold.error for fold in result.folds if fold.error]
    return tags | ({f"{TAG}error": errors[0][:LONGEST]} if errors else {})


def feasibility_tags(result: TrialResult) -> dict[str, str]:
    """Whether the trial may be on the front, and which constraints it breaks; empty where there is nothing to say."""
    state = result.state or (COMPLETE if result.complete else "")
    return {STATE: state, f"{TAG}broken": ", ".join(result.broken)}


def _stop_tags(stop: Stop) -> dict[str, str]:
    """Why a trial was stopped; earlier versions' readers see its run KILLED and leave it out as incomplete."""
    more = {"rival": stop.rival, "probability": stop.probability, "stopped": f"it {stop.reason}"[:LONGEST]}
    return {f"{TAG}{name}": str(value) for name, value in more.items() if value is not None}
