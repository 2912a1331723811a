"""What `lora-export` was asked for, and everything that can be checked before anything is trained or written."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from study import record
from study.config.members import TrialResult
from study.config.options import OPEN
from study.config.schema import StudyConfig
from study.core import addresses, network, status_line
from study.core.build import targets_in
from study.core.errors import ConfigError
from study.core.mlflow_store import VARIABLE
from study.core.prose import print_prose
from study.export.formats import FORMATS, get
from study.export.formats.base import Format
from study.export.job import checks, retrain
from study.export.job.choice import choose, compared_trials
from study.export.job.record import TrialRun
from study.models import targets
from study.search.ledger import Ledger
from study.search.plan import Plan
from study.search.planning import make_plan
from study.search.start import remote_names

MERGED = "write format=merged"
FAMILIAR = ("study.", "optuna.")  # packages whose classes a store may name


@dataclass(frozen=True)
class Wanted:
    """A request to the command; where it names no formats, nothing is exported and the exports so far are shown."""

    study: str
    storage: str
    trial: str = "best"
    formats: tuple[str, ...] = ()
    data: str = retrain.SEARCHED
    within: str | None = None
    out: Path = Path("exports")
    tracking: str | None = None
    register: str | None = None
    trusting: bool = False


@dataclass(frozen=True)
class Job:
    """An export that can be made."""

    wanted: Wanted
    plan: Plan
    ledger: Ledger
    results: dict[int, TrialResult]
    chosen: TrialResult
    formats: tuple[Format, ...]
    run: TrialRun | None

    def label(self, made: Format) -> str:
        """The export's name among those of its trial, such as ``peft`` or ``merged-all``."""
        return made.name if self.wanted.data == retrain.SEARCHED else f"{made.name}-{self.wanted.data}"

    def folder(self, made: Format) -> Path:
        """The folder in which the export will lie."""
        return self.wanted.out / self.plan.config.study.name / f"trial-{self.chosen.trial}" / self.label(made)


def prepare(wanted: Wanted, config: StudyConfig) -> Job:
    """The job that `wanted` comes to, on the stored study's own configuration.

    Creates nothing; raises StudyError where the export cannot be made.
    """
    _check_trust(wanted, config)
    config = replace(config, storage=replace(config.storage, url=wanted.storage))
    explicit = [get(name) for name in wanted.formats if name != "all"]
    network.use_cache_if_offline(remote_names(config))
    plan = make_plan(config)
    kind = checks.check_kind(plan.examples, config.task.name, wanted.data, wanted.register is not None)
    ledger = Ledger(plan, resumed=False)
    if (change := ledger.change()) is not None:
        _note(f"{wanted.study} was trained by an earlier version: trainings now {change.what}.")
    status_line.say("Choosing the trial")
    results = compared_trials(ledger)
    chosen = choose(wanted.trial, ledger, results)
    if wanted.trial.isdecimal() and int(wanted.trial) != chosen.trial:
        _note(f"trial {wanted.trial} repeats trial {chosen.trial}, which is exported")
    formats = _fitting_formats(wanted, explicit, plan, chosen, kind)
    recorded = not record.make(config).unreported
    tracked = recorded or wanted.tracking is not None or wanted.register is not None
    uri = _tracking_address(wanted, config) if tracked else None
    run = TrialRun(uri, config.study.name, ledger.study_id, chosen.trial) if tracked else None
    job = Job(wanted, plan, ledger, results, chosen, formats, run)
    _check(job)
    return job


def _check_trust(wanted: Wanted, config: StudyConfig) -> None:
    """Raise ConfigError where the store would have other code run here, of a model's or by its name, and the command
    does not say that it may."""
    foreign = [f"Python that came with {config.model.name}"] if config.model.trust_remote_code else []
    foreign += [name for group in OPEN for name in targets_in(getattr(config, group)) if not name.startswith(FAMILIAR)]
    if foreign and not wanted.trusting:
        rule = f"is kept with what is neither of lora-study nor of Optuna: {', '.join(foreign)}"
        raise ConfigError(f"study={wanted.study}", rule, "write trust_remote_code=true where that may run here")


def _tracking_address(wanted: Wanted, config: StudyConfig) -> str | None:
    """Where MLflow has the study's runs: as asked for, else where the study recorded them, by whose password is known.

    ConfigError where that address was kept without its password and none that is known belongs there.
    """
    kept = config.tracking.get("uri")
    if wanted.tracking or kept is None:
        return wanted.tracking
    uri = addresses.with_password_of(kept, (wanted.storage, os.environ.get(VARIABLE)))
    if addresses.is_masked(uri):
        remedy = "write tracking.uri=... with it, as in the study's own command"
        raise ConfigError(f"tracking.uri={uri}", "was kept without its password", remedy)
    return uri


def _note(text: str) -> None:
    """Tell what is done otherwise than it may have been expected."""
    status_line.hide()
    print_prose(text, sys.stderr)


def _check(job: Job) -> None:
    """Raise StudyError for whatever would otherwise fail only after the model has been trained."""
    status_line.say("Checking what the formats need")
    for made in job.formats:
        checks.check_packages(made)
        checks.check_folder(job.folder(made))
    checks.check_tokenizer(job.chosen.configuration.model)
    checks.check_writable("storage.url", job.wanted.storage)
    if job.run is not None:
        checks.check_writable("tracking.uri", job.run.client.tracking_uri)
        if job.wanted.register is not None:
            job.run.check_registry(job.wanted.register)


def _fitting_formats(
    wanted: Wanted, explicit: list[Format], plan: Plan, chosen: TrialResult, kind: str
) -> tuple[Format, ...]:
    """The formats to write: those asked for by name, each of which must fit, or all that fit where all were asked
    for."""
    for made in explicit:
        if refusal := _refusal(made, plan, chosen, kind):
            raise ConfigError(f"format={made.name} of trial {chosen.trial}", *refusal)
    if "all" not in wanted.formats:
        return tuple(explicit)
    refusals = {made: _refusal(made, plan, chosen, kind) for made in map(get, FORMATS)}
    for made, refusal in refusals.items():
        if refusal:
            _note(f"left out: format={made.name} {refusal[0]}")
    return tuple(made for made, refusal in refusals.items() if refusal is None)


def _refusal(made: Format, plan: Plan, chosen: TrialResult, kind: str) -> tuple[str, str] | None:
    """The rule by which the format does not fit what the trial has trained, with the remedy; None where it fits."""
    configuration = chosen.configuration
    refusal = made.refusal(configuration.method, kind)
    if refusal is None and made.needs_layers:
        sites = plan.geometry(configuration.model).sites
        if not targets.select_ranks(configuration.method, sites):
            return f"keeps low-rank updates, and method.rank={configuration.method.rank} adapts no layer", MERGED
    return refusal
