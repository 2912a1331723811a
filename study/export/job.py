"""What `lora-export` was asked for, and everything that can be checked before anything is trained or written."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from study import network, stores
from study.config import StudyConfig
from study.errors import ConfigError
from study.examples import Documents, Examples, Pairs, Texts
from study.export import retrain
from study.export.chosen import choose, finished
from study.export.formats import FORMATS, Format, get
from study.export.frame import CHOOSE, CLASSIFY, WRITE
from study.export.manifest import FILE
from study.export.record import TrialRun
from study.records import TrialResult
from study.search.driver import named
from study.search.ledger import Ledger
from study.search.plan import Plan, make_plan

KINDS: dict[type[Examples], str] = {Texts: CLASSIFY, Pairs: WRITE, Documents: CHOOSE}


@dataclass(frozen=True)
class Wanted:
    """What the command was asked for. No formats: nothing is exported, the exports so far are shown."""

    study: str
    storage: str
    trial: str = "best"
    formats: tuple[str, ...] = ()
    data: str = retrain.SEARCHED
    within: str | None = None
    out: Path = Path("exports")
    tracking: str | None = None
    register: str | None = None


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
        """What this export is called beside others of its trial."""
        return made.name if self.wanted.data == retrain.SEARCHED else f"{made.name}-{self.wanted.data}"

    def folder(self, made: Format) -> Path:
        """Where this export will lie."""
        return self.wanted.out / self.plan.config.study.name / f"trial-{self.chosen.trial}" / self.label(made)


def prepare(wanted: Wanted, config: StudyConfig) -> Job:
    """The job for a stored study's own configuration. Creates nothing; raises StudyError where it cannot be made."""
    config = replace(config, storage=replace(config.storage, url=wanted.storage))
    explicit = [get(name) for name in wanted.formats if name != "all"]
    network.settle(named(config))
    plan = make_plan(config)
    _check_kind(plan, wanted)
    ledger = Ledger(plan, resumed=False)
    if (change := ledger.changed()) is not None:
        print(f"{wanted.study} was trained by an earlier version: trainings now {change.what}.", file=sys.stderr)
    results = finished(ledger)
    chosen = choose(wanted.trial, ledger, results)
    if wanted.trial.isdecimal() and int(wanted.trial) != chosen.trial:
        print(f"trial {wanted.trial} repeats trial {chosen.trial}, which is exported", file=sys.stderr)
    kind = next(name for cls, name in KINDS.items() if isinstance(plan.examples, cls))
    formats = _fitting(wanted, explicit, chosen, kind)
    tracked = config.tracking.name != "off" or wanted.tracking is not None or wanted.register is not None
    uri = wanted.tracking or config.tracking.uri
    run = TrialRun(uri, config.study.name, ledger.study_id, chosen.trial) if tracked else None
    job = Job(wanted, plan, ledger, results, chosen, formats, run)
    for made in formats:
        made.require()
        _check_folder(job.folder(made))
    return job


def _check_kind(plan: Plan, wanted: Wanted) -> None:
    task = f"task.name={plan.config.task.name}"
    if not isinstance(plan.examples, tuple(KINDS)):
        rule = f"learns from a {type(plan.examples).__name__}, and exports are models that read texts"
        raise ConfigError(task, rule, "export a study of another task")
    if not isinstance(plan.examples, Texts) and wanted.data == retrain.ENSEMBLE:
        raise ConfigError(f"ensemble=true with {task}", "averages what classifiers say", "leave ensemble=true away")
    if isinstance(plan.examples, Documents) and wanted.register is not None:
        rule = "registers models that read one text at a time, and a document is a question with sentences"
        raise ConfigError(f"register=true with {task}", rule, "leave register=true away")


def _fitting(wanted: Wanted, explicit: list[Format], chosen: TrialResult, kind: str) -> tuple[Format, ...]:
    """The formats that were asked for by name, each of which must fit, and all that fit where all were."""
    method = chosen.configuration.method
    for made in explicit:
        if found := made.refusal(method, kind):
            raise ConfigError(f"format={made.name} of trial {chosen.trial}", *found)
    if "all" not in wanted.formats:
        return tuple(explicit)
    everything = [get(name) for name in FORMATS]
    for made in everything:
        if found := made.refusal(method, kind):
            print(f"left out: format={made.name} {found[0]}", file=sys.stderr)
    return tuple(made for made in everything if made.refusal(method, kind) is None)


def _check_folder(folder: Path) -> None:
    """Raise ConfigError where the export cannot be written, or would replace what is no export."""
    stores.check_folder("out", str(folder))
    if folder.exists() and not (folder / FILE).is_file():
        raise ConfigError(f"out={folder}", "is there already and is no export", "name another folder with out=...")
