"""`lora-export`'s whole job: check, train once more, write each format, verify it, measure it, record it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from study import metrics, models, network, stores
from study.config import StudyConfig
from study.errors import ConfigError, StudyError
from study.examples import Texts
from study.export import bounds, card, measure, retrain, table
from study.export.chosen import choose, finished
from study.export.evidence import gather
from study.export.formats import FORMATS, Format, get
from study.export.manifest import FILE, Manifest
from study.export.record import TrialRun
from study.export.trained import Trained
from study.records import TrialResult
from study.search.driver import named as named_models
from study.search.ledger import Ledger, exports_of, find
from study.search.plan import Plan, make_plan

VERIFIED = 48  # texts whose logits are compared, from the shortest to the longest


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
    """Everything that has been checked, before anything is trained or written."""

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


def run_export(wanted: Wanted) -> int:
    """Export, or show what has been exported, and return the exit status: 1 where nothing is within the bounds.

    Everything that the command can get wrong raises StudyError before anything is created.
    """
    _quiet()
    limits = bounds.parse("within", wanted.within, measure.FIGURES, {}) if wanted.within else ()
    study, config = find(wanted.storage, wanted.study)
    if wanted.formats:
        export(prepare(wanted, config))
        study = find(wanted.storage, wanted.study)[0]
    rows = exports_of(study)
    fitting = {key for key, figures in rows.items() if bounds.within(limits, measure.deployed(figures))}
    labels = {t.number: table.name_of(t) for t in study.get_trials(deepcopy=False)} if rows else {}
    print(table.render(wanted.study, rows, labels, fitting, wanted.within))
    return 0 if fitting or not wanted.within else 1


def _quiet() -> None:
    """No bars and no remarks: an export says in a line where it lies."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def prepare(wanted: Wanted, config: StudyConfig) -> Job:
    """Check all that can be checked without training; creates nothing."""
    config = replace(config, storage=replace(config.storage, url=wanted.storage))
    named = [get(name) for name in wanted.formats if name != "all"]
    network.settle(named_models(config))
    plan = _plan(config)
    ledger = Ledger(plan)
    results = finished(ledger)
    chosen = choose(wanted.trial, ledger, results)
    if wanted.trial.isdecimal() and int(wanted.trial) != chosen.trial:
        print(f"trial {wanted.trial} repeats trial {chosen.trial}, which is exported", file=sys.stderr)
    formats = _fitting(wanted, named, chosen)
    for made in formats:
        made.require()
    tracked = config.tracking.name != "off" or wanted.tracking is not None or wanted.register is not None
    uri = wanted.tracking or config.tracking.uri
    run = TrialRun(uri, config.study.name, ledger.study_id, chosen.trial) if tracked else None
    job = Job(wanted, plan, ledger, results, chosen, formats, run)
    for made in formats:
        _check_folder(job.folder(made))
    return job


def _plan(config: StudyConfig) -> Plan:
    """The study's plan, made again from its configuration; ConfigError where it is no longer the same study."""
    plan = make_plan(config)
    if not isinstance(plan.examples, Texts):
        rule = f"has examples of another kind ({type(plan.examples).__name__}), and exports are classifiers of texts"
        raise ConfigError(f"task.name={config.task.name}", rule, "export a study of texts and labels")
    return plan


def _fitting(wanted: Wanted, named: list[Format], chosen: TrialResult) -> tuple[Format, ...]:
    """The formats that were asked for by name, each of which must fit, and all that fit where all were."""
    method = chosen.configuration.method
    for made in named:
        if found := made.refusal(method):
            raise ConfigError(f"format={made.name} of trial {chosen.trial}", *found)
    if "all" not in wanted.formats:
        return tuple(named)
    everything = [get(name) for name in FORMATS]
    for made in everything:
        if found := made.refusal(method):
            print(f"left out: format={made.name} {found[0]}", file=sys.stderr)
    return tuple(made for made in everything if made.refusal(method) is None)


def _check_folder(folder: Path) -> None:
    """Raise ConfigError where the export cannot be written, or would replace what is no export."""
    stores.check_folder("out", str(folder))
    if folder.exists() and not (folder / FILE).is_file():
        raise ConfigError(f"out={folder}", "is there already and is no export", "name another folder with out=...")


def export(job: Job) -> None:
    """Train once more, then write, verify, measure and record each format."""
    trained = retrain.train(job.plan, job.chosen.trial, job.chosen.configuration, job.wanted.data)
    score = held_out(job, trained)
    evidence = gather(job.plan, job.chosen, job.results, trained[0], score)
    texts = sample(job.plan)
    logits = mean_logits(trained, texts)
    for made in job.formats:
        with _published(job.folder(made)) as folder:
            with _told(made):
                manifest = write(job, made, trained, folder)
                figures = {"max_difference": measure.difference(made, folder, texts, logits)}
            figures |= measure.figures(folder, texts[len(texts) // 2])
            figures |= {} if score is None else {"test_score": score}
            text = card.render(folder, job.folder(made), evidence, made, manifest, figures)
            (folder / measure.CARD).write_text(text, encoding="utf-8")
        job.ledger.keep_export(job.chosen.trial, job.label(made), figures)
        if job.run is not None:
            job.run.log(job.label(made), figures)
        print(f"{job.label(made)}: {job.folder(made)}")
    if job.wanted.register is not None and job.run is not None:
        print(job.run.register(job.wanted.register, job.folder(job.formats[0]), list(texts[:2])))


def write(job: Job, made: Format, trained: list[Trained], folder: Path) -> Manifest:
    """The export's files: those of one model, or of each member of an ensemble in a folder of its own."""
    names = tuple(f"fold-{i}" for i in range(len(trained))) if job.wanted.data == retrain.ENSEMBLE else ()
    whole = _manifest(job, made, trained[0])
    for name, one in zip(names or ("",), trained, strict=True):
        part = folder / name
        part.mkdir(exist_ok=True)
        made.write(one, part)
        one.tokenizer.save_pretrained(str(part))
        if not (part / "tokenizer.json").is_file():
            rule = "has a tokenizer that is written in Python, which exports cannot bring along"
            raise StudyError(f"model.name={whole.model}", rule, "use a model with a fast tokenizer")
        whole.write(part)
    manifest = replace(whole, members=names)
    manifest.write(folder)
    return manifest


def _manifest(job: Job, made: Format, one: Trained) -> Manifest:
    model, tokenizer = job.chosen.configuration.model, one.tokenizer
    return Manifest(
        format=made.name,
        study=job.plan.config.study.name,
        trial=job.chosen.trial,
        data=job.wanted.data,
        model=model.name,
        fingerprint=models.fingerprint(model),
        random_weights=model.random_weights,
        pooling=model.pooling,
        max_length=model.max_length,
        pad_id=tokenizer.pad_token_id or 0,
        truncation_side=tokenizer.truncation_side,
        classes=one.classes,
        libraries=made.libraries(one),
    )


def sample(plan: Plan) -> tuple[str, ...]:
    """Texts of the study, from the shortest to the longest."""
    assert isinstance(plan.examples, Texts)
    ordered = sorted(plan.examples.texts, key=len)
    places = np.unique(np.linspace(0, len(ordered) - 1, VERIFIED).round().astype(int))
    return tuple(ordered[i] for i in places)


def mean_logits(trained: list[Trained], texts: tuple[str, ...]) -> np.ndarray:
    """The suite's own logits [n, classes], averaged over members."""
    return np.mean([one.logits(texts) for one in trained], axis=0)  # type: ignore[no-any-return]


def held_out(job: Job, trained: list[Trained]) -> float | None:
    """The score on the held-out examples, None where there are none or they were trained on."""
    if job.wanted.data == retrain.ALL or not len(job.plan.test):
        return None
    test = job.plan.examples.take(job.plan.test)
    assert isinstance(test, Texts)
    return metrics.classification(mean_logits(trained, test.texts), test.labels)[job.plan.metric]


@contextmanager
def _told(made: Format) -> Iterator[None]:
    """Whatever a format's own library raises inside becomes one StudyError: no list says which models it can write."""
    try:
        yield
    except StudyError:
        raise
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), "").rstrip(".")
        rule = f"cannot be written for this model ({type(error).__name__}: {first})"
        raise StudyError(f"format={made.name}", rule, "choose another format") from error


@contextmanager
def _published(folder: Path) -> Iterator[Path]:
    """A scratch folder beside `folder`, which takes its place when nothing goes wrong inside, and else is gone."""
    before = next(p for p in (folder.parent, *folder.parent.parents) if p.exists())
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        rule = f"cannot be written ({error})"
        raise ConfigError(f"out={folder}", rule, "name a folder you may write to") from error
    try:
        yield scratch
        if folder.exists():
            shutil.rmtree(folder)
        scratch.chmod(0o755)
        scratch.rename(folder)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        for parent in (folder.parent, *folder.parent.parents):
            if parent == before or any(parent.iterdir()):
                break
            parent.rmdir()
        raise
