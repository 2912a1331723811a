"""Small studies whose stores fail at one call: what the same command makes of them when it is given again.

Run as a program it imports what a study needs, once, and then forks one process for each order that it is told.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import chdir, redirect_stdout
from dataclasses import asdict, dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TRIALS, CLIENT = 2, "client"
OVERRIDES = (
    f"study.trials={TRIALS}", "study.folds=2", "search.round=1", "search.baselines=[head]", "sampler=random",
    "method.rank=2,4,8", "method.lam=interval(0.1,100)", "report.remeasure=false", "engine.pack=1",
)  # fmt: skip
HANGS = 300  # seconds after which a command is ended, by a signal that fails its test
SAID, COUNTED = "said.txt", "said.calls"


@dataclass(frozen=True)
class Ended:
    """What a study said, its status (negative: killed by that signal) and how often it called what may fail, by place
    and kind of fault."""

    status: int
    said: str
    calls: dict[str, int]


@dataclass(frozen=True)
class Examined:
    """A study with a fault and the same command again: `outcome` is what the stores hold in the end, `wasted` are folds
    that were durable and trained again, `left` what lies in its folder, `trained` how many members each command did."""

    number: int
    faulty: Ended
    again: Ended
    outcome: dict[str, Any]
    wasted: list[str]
    left: list[str]
    trained: tuple[int, int]


class Examiners:
    """A process that has imported what studies need, and forks them, `jobs` at a time."""

    def __init__(self, jobs: int = 1) -> None:
        paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(jobs)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        assert self.stdout.readline() == "ready\n"

    def examine(
        self, folder: Path, place: str, kind: str, numbers: list[int], again: str = "run_study"
    ) -> list[Examined]:
        """The studies, each in a folder of its own, with that kind of fault at the calls of these numbers.

        `again` is what is then done: run_study, or sync, which trains nothing.
        """
        for number in numbers:
            where = str(folder / f"{place}-{kind}-{number}-{again}")
            order = {"folder": where, "place": place, "kind": kind, "number": number, "then": again}
            self.stdin.write(f"{json.dumps(order)}\n")
        self.stdin.flush()
        written = [Path(self.stdout.readline().rstrip("\n")) for _ in numbers]
        return sorted((_examined(json.loads(file.read_text())) for file in written), key=lambda each: each.number)

    def census(self, folder: Path) -> Examined:
        """The study in which nothing fails, and how often each thing that can; the client's calls in one of its own."""
        (study,) = self.examine(folder, "", "", [-1])
        (by_client,) = self.examine(folder, CLIENT, "", [-1])
        return replace(study, faulty=replace(study.faulty, calls={**study.faulty.calls, **by_client.faulty.calls}))

    def close(self) -> None:
        """End it."""
        self.stdin.close()
        self.process.wait()


def _examined(raw: dict[str, Any]) -> Examined:
    ends = {name: Ended(**raw[name]) for name in ("faulty", "again")}
    return Examined(**{**raw, **ends, "trained": (*raw["trained"],)})


def _main(jobs: int) -> None:
    import mlflow.store.db.utils  # noqa: F401 -- before its tables are copied
    import mlflowcopies
    import unsynced

    unsynced.install()
    mlflowcopies.install()
    _compile_once()
    plan = _plan()
    gc.collect()
    gc.freeze()  # pages that no search for garbage touches stay shared with the forks
    print("ready", flush=True)
    running = 0
    for line in sys.stdin:
        if running == jobs:
            os.wait()
            running -= 1
        order = json.loads(line)
        if os.fork() == 0:
            _isolate(lambda order=order: _answer(_examine(plan, **order), order["folder"]))
        running += 1


def _answer(examined: dict[str, Any], folder: str) -> None:
    """Name the file that says it, in one write: lines that are written in parts, or long ones, of two would mix."""
    file = Path(f"{folder}.json")
    file.write_text(json.dumps(examined))
    os.write(1, f"{file}\n".encode())


def _plan() -> Any:
    """The study's plan, when all that a study imports has been imported; no model's library is."""
    import tempfile

    import numpy as np

    from study.config.compose import compose
    from study.config.overrides import rewrite
    from study.config.schema import ModelConfig
    from study.config.space import parse_space
    from study.core.records import Fold
    from study.data.examples import Texts
    from study.models.backbones import Geometry
    from study.models.targets import LinearSite
    from study.search.plan import Plan

    config = compose(rewrite([*OVERRIDES]))
    texts, halves = Texts(("a",) * 4000, np.arange(4000) % 2, ("n", "p")), np.split(np.arange(4000), 2)
    folds = (Fold(0, halves[1], halves[0]), Fold(1, halves[0], halves[1]))
    plan = Plan(config, parse_space(config), texts, folds, "f", halves[0][:4])
    sites = [
        LinearSite(f"encoder.layer.{layer}.attention.self.{name}", layer, 32, 32, role)
        for layer in range(2) for name, role in (("query", "q"), ("value", "v"))
    ]  # fmt: skip
    plan._shapes[ModelConfig()] = Geometry(tuple(sites), 2, 6 * 32 * 32, hidden=32)
    _patch(plan)
    with tempfile.TemporaryDirectory() as folder, chdir(folder), redirect_stdout(StringIO()) as said:
        assert _run(plan, Path(folder)) == 0, said.getvalue()  # here, so that forks need to import nothing more
        _outcome(Path(folder))
    return plan


def _patch(plan: Any) -> None:
    """Leave out what has nothing to do with stores, and takes time."""
    from alembic.script import ScriptDirectory

    from study.core import patience
    from study.core.records import Provenance
    from study.record import behind
    from study.search import driver, sync

    def plan_of_config(config: Any, call: Any = None) -> Any:
        made = replace(plan, config=config)
        made._shapes.update(plan._shapes)
        return made

    for module in (driver, sync):
        module.make_plan = plan_of_config
        module.origin_of = lambda plan, ledger, argv: Provenance({"lora_study.study_id": ledger.study_id})
    ScriptDirectory._load_revisions = _read_once(ScriptDirectory._load_revisions)
    patience.SOON, patience.PATIENCE = 0.05, 0.8
    patience.PATIENT["timeout"] = patience.SOON
    driver.references.summary = lambda examples, folds: {"reference/majority/accuracy": 0.5}
    behind.PAUSES = (0.01,)


def _read_once(load: Callable[[Any], Iterator[Any]]) -> Callable[[Any], Iterator[Any]]:
    """Alembic's function that reads all migrations of a folder, remembering what it has read; they are two hundred."""
    known: dict[str, list[Any]] = {}

    def read(directory: Any) -> Iterator[Any]:
        place = str(directory.dir)
        if place not in known:
            known[place] = [*load(directory)]
        yield from known[place]

    return read


def _compile_once() -> None:
    """Let all engines of SQLite share one dialect, and with it the statements that have been compiled."""
    from sqlalchemy import util
    from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
    from sqlalchemy.engine import Engine

    shared, begin, make = util.LRUCache(10_000), Engine.__init__, SQLiteDialect_pysqlite.__init__
    one = object.__new__(SQLiteDialect_pysqlite)

    def make_one(dialect: Any, *arguments: Any, **named: Any) -> None:
        if not hasattr(dialect, "is_made"):
            dialect.is_made = True
            make(dialect, *arguments, **named)

    def begin_with(engine: Any, *arguments: Any, **named: Any) -> None:
        begin(engine, *arguments, **named)
        engine._compiled_cache = shared

    SQLiteDialect_pysqlite.__new__ = lambda *_, **__: one
    SQLiteDialect_pysqlite.__init__ = make_one
    Engine.__init__ = begin_with


def _isolate(work: Callable[[], None]) -> None:
    """Do it, and end this process whatever happens."""
    try:
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001 -- nothing may go on as its parent would
        traceback.print_exc()
        os._exit(1)


def _examine(plan: Any, folder: str, place: str, kind: str, number: int, then: str) -> dict[str, Any]:
    from reliability.faults import COUNTED_APART, Fault

    here = Path(folder)
    here.mkdir(parents=True)
    counted = [Fault(*each) for each in COUNTED_APART if (each[0] == CLIENT) == (place == CLIENT)]
    faults = [Fault(place, kind, number)] if number >= 0 else counted
    faulty = _fork(plan, here, faults)
    before, durable = _trained(here), {f"{trial} {fold}" for trial, fold in _durable(here)}
    again = _fork(plan, here, [], then)
    more = _trained(here)[len(before) :]
    wasted = [line for line in more if line in durable]
    left = sorted(path.name for path in here.iterdir() if not path.name.startswith("said"))
    return {
        "number": number, "faulty": asdict(faulty), "again": asdict(again), "outcome": _outcome(here),
        "wasted": wasted, "left": left, "trained": (len(before), len(more)),
    }  # fmt: skip


def _fork(plan: Any, folder: Path, faults: list[Any], work: str = "run_study") -> Ended:
    said, counted = folder / SAID, folder / COUNTED
    said.unlink(missing_ok=True)
    process = os.fork()
    if process == 0:
        _isolate(lambda: _command(plan, folder, faults, work))
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    calls = json.loads(counted.read_text()) if counted.exists() else {}
    return Ended(status, said.read_text() if said.exists() else "", calls)


def _command(plan: Any, folder: Path, faults: list[Any], work: str) -> None:
    """Be the command, and end the process."""
    with (folder / SAID).open("w", buffering=1) as sys.stdout:
        sys.stderr = sys.stdout
        signal.alarm(HANGS)
        for each in faults:
            each.install()
        try:
            status = _run(plan, folder, work)
        except BaseException:  # noqa: BLE001 -- what a person would see of it
            traceback.print_exc()
            status = 70
        (folder / COUNTED).write_text(json.dumps({f"{each.place} {each.kind}": each.calls for each in faults}))
    os._exit(status)


def _run(plan: Any, folder: Path, work: str = "run_study") -> int:
    """The exit status of the command in that folder."""
    from study.config.options import IN_MLFLOW
    from study.config.schema import StorageConfig
    from study.core import command
    from study.search.driver import run_study
    from study.search.sync import sync

    os.chdir(folder)
    uri = (
        f"sqlite:///{folder}/mlflow.db"  # whole: MLflow keeps stores by their addresses for as long as a process lives
    )
    stores = {"storage": StorageConfig(f"sqlite:///{folder}/study.db"), "tracking": {**IN_MLFLOW, "uri": uri}}
    launcher = {"_target_": "reliability.inventing.Inventing"}
    config = replace(plan.config, launcher=launcher, **stores)
    works = {"run_study": lambda: run_study(config, [], _report), "sync": lambda: sync(config, _report)}
    return command.status_of("lora-study", works[work])


def _report(config: Any) -> Path:
    page = Path("reports") / config.study.name / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("<p>")
    return page


def _trained(folder: Path) -> list[str]:
    from reliability.inventing import TRAINED

    log = folder / TRAINED
    return log.read_text().splitlines() if log.exists() else []


def _durable(folder: Path) -> list[tuple[int, int]]:
    """The folds, and test scores as one fold more, that the study's store has."""
    outcome = _stored(folder)
    folds = [(t[0], int(fold)) for t in outcome.get("trials", []) for fold in t[4]]
    return folds + [(int(key.removeprefix("test:")), 2) for key in outcome.get("facts", {}) if key.startswith("test:")]


def _stored(folder: Path) -> dict[str, Any]:
    """What the study's store holds of each trial, and of the study."""
    from study.core.errors import StudyError
    from study.search.storage import existing, study_in
    from study.search.stored import folds_of

    try:
        kept = existing(f"sqlite:///{folder}/study.db")
    except StudyError:
        return {}
    study = study_in(kept, "study")
    if study is None:
        return {}
    trials = [
        [t.number, t.state.name, t.params, t.values, {k: f.score for k, f in folds_of(t).items()}, t.user_attrs]
        for t in kept.get_all_trials(study._study_id)
    ]
    return {"trials": trials, "facts": study.user_attrs}


def _outcome(folder: Path) -> dict[str, Any]:
    """All of it, with MLflow's runs: each by its place in the tree, with its name, status, params, metrics, tags and
    files."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("study")
    runs = client.search_runs([experiment.experiment_id], max_results=1000) if experiment else []
    places = {run.info.run_id: "/".join(run.data.tags.get(f"lora_study.{k}", "") for k in KEYS) for run in runs}
    rows = sorted(_row(folder, run, places, client) for run in runs)
    return json.loads(json.dumps({**_stored(folder), "runs": rows}).replace(str(folder), ""))


KEYS = ("level", "trial", "fold")


def _row(folder: Path, run: Any, places: dict[str, str], client: Any) -> tuple[Any, ...]:
    """A run, without what names another run or a time."""
    tags = {key: value for key, value in run.data.tags.items() if key.startswith("lora_study.")}
    above = places.get(run.data.tags.get("mlflow.parentRunId", ""), "")
    files = folder / "mlruns" / run.info.experiment_id / run.info.run_id / "artifacts"
    names = sorted(str(path.relative_to(files)) for path in files.rglob("*") if path.is_file())
    return (
        places[run.info.run_id], above, run.info.run_name, run.info.status, run.data.params, run.data.metrics, tags,
        names,
    )  # fmt: skip


if __name__ == "__main__":
    _main(int(sys.argv[1]))
