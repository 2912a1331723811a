"""How the suite bears a study of many trials: the report's time, what asking costs, what tracking costs.

``python tests/benchmarks/scale.py --trials 10000 --folds 5`` prints the figures; nothing is trained. Trials are made
up. One is recorded by the tracker itself; the others are copies of its rows with values of their own, since writing
60,000 runs through the client would take most of an hour.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from study.config.compose import compose, register_schema
from study.config.members import TrialResult
from study.config.schema import Configuration, StorageConfig
from study.config.space import parse_space
from study.core.figures import OF_FOLD, direction
from study.core.records import Epoch, Fold, FoldResult, Provenance
from study.data.examples import Texts
from study.models.targets import LinearSite, describe
from study.record import Tracker
from study.record.behind import Behind
from study.record.mlflow import MlflowTracker
from study.record.names import digits, fold_name, trial_name
from study.record.parameters import searched_keys, study_parameters, trial_parameters
from study.search.closings import Closing
from study.search.kept import attributes_of
from study.search.ledger import Ledger, _dump
from study.search.objectives import summary
from study.search.plan import Plan
from study.search.stored import CONFIGURATION, configuration_of

NAME = "scale"
SHORT_TRIAL = 10.0  # seconds that a short trial takes: what asking is held against
WIDTH, LAYERS = 384, 6
DEPTH = {"all": LAYERS, "top-half": LAYERS // 2, "top-1": 1}
MODULES = {"qv": ("query", "value"), "attention": ("query", "key", "value", "output.dense")}
LINEARS = (("query", "q"), ("key", "k"), ("value", "v"), ("output.dense", "o"), ("up.dense", "f"), ("down.dense", "f"))


def plan_of(folder: Path, folds: int, trials: int = 100_000) -> Plan:
    """A study of conf/space/tradeoff.yaml that no model has been loaded for."""
    register_schema()
    config = compose([f"study.name={NAME}", f"study.folds={folds}", f"study.trials={trials}", "space=tradeoff"])
    config = replace(config, storage=StorageConfig(f"sqlite:///{folder / 'optuna.db'}"))
    examples = Texts(("a",) * 2 * folds, np.arange(2 * folds) % 2, ("n", "p"))
    parts = tuple(Fold(k, np.arange(folds), np.arange(folds, 2 * folds)) for k in range(folds))
    return Plan(config, parse_space(config), examples, parts, "f", np.arange(0))


def configurations(plan: Plan, rng: np.random.Generator) -> Iterator[tuple[dict[str, Any], Configuration]]:
    """Random choices of the space without an end, each with the configuration that it makes."""
    while True:
        values = {
            key: d.choices[rng.integers(len(d.choices))] if hasattr(d, "choices") else float(10 ** rng.uniform(-1, 3))
            for key, d in plan.space.distributions.items()
        }
        yield values, plan.config.configuration.with_values(values)


def result_of(number: int, configuration: Configuration, folds: int, rng: np.random.Generator) -> TrialResult:
    """A made-up result: more parameters score better, with the noise of folds, and λ has a best value."""
    m = configuration.method
    modules = len(MODULES.get(m.targets, LINEARS))
    size = m.rank * modules * DEPTH.get(m.layers, LAYERS) * WIDTH * (2 if m.kind == "lora" else 1)
    mean = 0.5 + 0.06 * np.log10(size / WIDTH) + 0.02 * np.exp(-(np.log10((m.lam or 1.0) / 10) ** 2))
    return TrialResult(number, configuration, tuple(_fold(number, k, size, mean, rng) for k in range(folds)))


def _fold(number: int, index: int, size: int, mean: float, rng: np.random.Generator) -> FoldResult:
    score = float(mean + rng.normal(0, 0.01))
    sizes = {"trainable": size + 770, "adapter": size, "head": 770, "total": 22_000_000 + size, "stored": size}
    metrics = {
        "score": score, "accuracy": score, "macro_f1": score - 0.01, "loss": 1 - score,
        **{f"params/{k}": float(v) for k, v in sizes.items()},
        "memory/train_bytes": 2e8 + 40.0 * size, "memory/peak_bytes": 9e8 + float(rng.uniform(0, 1e7)),
        "time/train_seconds": float(rng.uniform(1, 9)), "speed/tokens_per_second": float(rng.uniform(1e3, 9e3)),
        "latency/ms": float(rng.uniform(1, 2)),
    }  # fmt: skip
    epochs = tuple(Epoch(e, 10 * e, 0.7 / e, 0.1 * e, score - 0.1 / e) for e in (1, 2))
    return FoldResult(number, index, score, metrics, epochs, 1.7e9 + number, 1.7e9 + number + 2, "cpu")


def provenance(plan: Plan) -> Provenance:
    """The tags that a report reads, as the driver writes them."""
    sites = [
        LinearSite(f"encoder.layer.{i}.{name}", i, WIDTH, WIDTH, role) for i in range(LAYERS) for name, role in LINEARS
    ]
    facts = {
        "study_id": f"{NAME}:0", "metric": plan.metric, "linears": json.dumps(describe(sites)),
        "directions": json.dumps([direction(name) for name in plan.config.objectives]),
    }  # fmt: skip
    return Provenance({f"lora_study.{k}": v for k, v in facts.items()})


def record(tracker: Tracker, plan: Plan, results: Iterable[TrialResult], pause: float = 0.0) -> float:
    """Write trials through the tracker, as the driver does; the seconds inside its calls, `pause` before each fold."""
    spent = 0.0
    for result in results:
        figures, label = summary(result), plan.label(result.configuration)
        calls = [
            partial(tracker.trial, result.trial, result.configuration, label, None),
            *(partial(tracker.fold, fold) for fold in result.folds),
            partial(tracker.finish_trial, result, figures),
        ]
        for call in calls:
            time.sleep(pause)
            begun = time.perf_counter()
            call()
            spent += time.perf_counter() - begun
    return spent


def write_store(uri: str, plan: Plan, results: list[TrialResult], copied: bool = True) -> None:
    """Record a finished study: the first trial by the tracker, the others by it too or, `copied`, as rows."""
    tracker = MlflowTracker(uri)
    tracker.start(plan.config, provenance(plan), {})
    record(tracker, plan, results[:1] if copied else results)
    tracker.end("FINISHED")
    if copied:
        Copies(uri, plan).write(results[1:])


class Copies:
    """The rows of one recorded trial and of its first fold, to be inserted again for other results."""

    def __init__(self, uri: str, plan: Plan) -> None:
        import sqlalchemy
        from mlflow.store.tracking.dbmodels import models

        self.plan, self.engine = plan, sqlalchemy.create_engine(uri)
        self.searched, self.parameters = searched_keys(plan.config), study_parameters(plan.config)
        orm: Any = (models.SqlRun, models.SqlTag, models.SqlParam, models.SqlMetric, models.SqlLatestMetric)
        self.tables = {model.__table__.name: model.__table__ for model in orm}
        with self.engine.connect() as connection:
            self.trial, self.fold = (self._rows(connection, level) for level in ("trial", "fold"))

    def _rows(self, connection: Any, level: str) -> dict[str, list[dict[str, Any]]]:
        tags = self.tables["tags"]
        of_level = tags.select().where(tags.c.key == "lora_study.level", tags.c.value == level)
        run = connection.execute(of_level).mappings().first()["run_uuid"]
        return {
            name: [dict(row) for row in connection.execute(t.select().where(t.c.run_uuid == run)).mappings()]
            for name, t in self.tables.items()
        }

    def write(self, results: list[TrialResult]) -> None:
        """Insert these trials with their folds."""
        for start in range(0, len(results), 250):
            rows: dict[str, list[dict[str, Any]]] = {name: [] for name in self.tables}
            for result in results[start : start + 250]:
                self._add(rows, result)
            with self.engine.begin() as connection:
                for name, table in self.tables.items():
                    connection.execute(table.insert(), rows[name])

    def _add(self, rows: dict[str, list[dict[str, Any]]], result: TrialResult) -> None:
        label, width = self.plan.label(result.configuration), digits(self.plan.config.study.trials)
        name = trial_name(result.trial, label, width)
        values = {"lora_study.label": label, "mlflow.runName": name, "mlflow.note.content": label}
        params = trial_parameters(result.configuration, self.searched, self.parameters)
        whole = {**values, "lora_study.trial": str(result.trial), **summary(result)}
        trial = self._copy(rows, self.trial, name, whole, params)
        for fold in result.folds:
            name = fold_name(result.trial, fold.fold, width)
            fold_values = {"mlflow.runName": name, "mlflow.parentRunId": trial, "lora_study.trial": str(result.trial)}
            figures = {f"{OF_FOLD}{key}": value for key, value in fold.metrics.items()}
            self._copy(rows, self.fold, name, {**fold_values, "lora_study.fold": str(fold.fold), **figures}, {})

    @staticmethod
    def _copy(
        rows: dict[str, list[dict[str, Any]]],
        template: dict[str, list[dict[str, Any]]],
        name: str,
        values: dict[str, Any],
        params: dict[str, str],
    ) -> str:
        run = uuid.uuid4().hex
        (whole,) = template["runs"]
        uri = whole["artifact_uri"].replace(whole["run_uuid"], run)
        rows["runs"].append({**whole, "run_uuid": run, "name": name, "artifact_uri": uri})
        rows["params"] += [{"key": key, "value": value, "run_uuid": run} for key, value in params.items()]
        for table in template.keys() - {"runs", "params"}:
            rows[table] += [{**r, "run_uuid": run, "value": values.get(r["key"], r["value"])} for r in template[table]]
        return run


def report_seconds(uri: str, folder: Path) -> tuple[float, float]:
    """How long the command `lora-report` takes, as a whole process, and how many megabytes its page has."""
    begun = time.perf_counter()
    line = [sys.executable, "-m", "analysis", f"study={NAME}", f"out={folder}", f"tracking.uri={uri}"]
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun, (folder / NAME / "index.html").stat().st_size / 1e6


def fill(ledger: Ledger, until: int, rng: np.random.Generator) -> None:
    """Add told trials, in the ledger's own shape, until there are that many."""
    from optuna.trial import create_trial

    plan = ledger.plan
    source = configurations(plan, rng)
    for number in range(len(ledger.trials()), until):
        values, configuration = next(source)
        result = result_of(number, configuration, len(plan.folds), rng)
        attributes = {
            CONFIGURATION: _dump(configuration),
            **{k: v for f in result.folds for k, v in attributes_of(f).items()},
        }
        told = create_trial(
            values=[summary(result)[name] for name in plan.config.objectives],
            params=values, distributions=plan.space.distributions, user_attrs=attributes,
        )  # fmt: skip
        ledger.study.add_trial(told)


def round_milliseconds(ledger: Ledger, rng: np.random.Generator) -> dict[str, float]:
    """One round as the driver goes through it; milliseconds a trial of asking, keeping its folds and telling."""
    plan, size = ledger.plan, ledger.plan.config.search.round
    begun = time.perf_counter()
    trials = ledger.ask_until(len(ledger.trials()) + size)
    asked = time.perf_counter()
    results = [result_of(t.number, configuration_of(t), len(plan.folds), rng) for t in trials]
    made = time.perf_counter()
    for trial, result in zip(trials, results, strict=True):
        for fold in result.folds:
            ledger.keep((trial, fold))
    kept = time.perf_counter()
    from optuna.trial import TrialState

    told = [[summary(result)[name] for name in plan.config.objectives] for result in results]
    ledger.close(*(Closing(t, TrialState.COMPLETE, values) for t, values in zip(trials, told, strict=True)))
    spent = {"ask": asked - begun, "keep": kept - made, "tell": time.perf_counter() - kept}
    return {name: 1000 * seconds / size for name, seconds in spent.items()}


def ask_milliseconds(folder: Path, folds: int, counts: Iterable[int]) -> dict[int, dict[str, float]]:
    """What a trial costs the ledger once so many trials have been told: the mean of two rounds."""
    rng, out = np.random.default_rng(0), {}
    ledger = Ledger(plan_of(folder, folds))
    round_milliseconds(ledger, rng)  # the baselines' round, and whatever is slow only once
    for count in counts:
        fill(ledger, count, rng)
        round_milliseconds(ledger, rng)  # reads what was filled in, as a resumed study does once
        both = [round_milliseconds(ledger, rng) for _ in range(2)]
        out[count] = {name: (both[0][name] + both[1][name]) / 2 for name in both[0]}
    return out


def tracking_milliseconds(folder: Path, folds: int, trials: int = 20) -> dict[str, float]:
    """What a fold costs the driver, its share of the trial's own record included, if MLflow is written at once and
    as it is, behind the driver; and how long a fold takes until it is written if they come faster than that."""
    plan, rng = plan_of(folder, folds), np.random.default_rng(0)
    source = configurations(plan, rng)
    results = [result_of(n, next(source)[1], folds, rng) for n in range(trials)]
    spent = {}
    for name, make, pause in (("at once", MlflowTracker, 0.0), ("driver", _behind, 0.02), ("written", _behind, 0.0)):
        tracker = make(f"sqlite:///{folder / name}.db")
        tracker.start(plan.config, provenance(plan), {})
        begun = time.perf_counter()
        inside = record(tracker, plan, results, pause)
        tracker.end("FINISHED")
        spent[name] = 1000 / folds / trials * (time.perf_counter() - begun if name == "written" else inside)
    return spent


def _behind(uri: str) -> Tracker:
    return Behind(MlflowTracker(uri))


def main() -> None:
    """Measure what the command line asks for, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--asks", type=int, nargs="*", default=[10, 100, 1000])
    parser.add_argument("--store", type=Path, help="a folder to keep or find the store of runs in")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tracked = tracking_milliseconds(folder, given.folds)
        print("tracking, ms a fold: " + ", ".join(f"{name} {ms:.2f}" for name, ms in tracked.items()))
        for count, spent in ask_milliseconds(folder, given.folds, given.asks).items():
            whole = sum(spent.values())
            parts = ", ".join(f"{name} {ms:.1f}" for name, ms in spent.items())
            print(f"trial {count}: {whole:.1f} ms ({parts}), {whole / (10 * SHORT_TRIAL):.2f} % of {SHORT_TRIAL:.0f} s")
        store = given.store or folder
        uri = f"sqlite:///{store / 'mlflow.db'}"
        if not (store / "mlflow.db").exists():
            print(f"store: {write_scale(uri, folder, given.trials, given.folds):.0f} s to make up")
        seconds, size = report_seconds(uri, folder / "reports")
        print(f"report: {seconds:.1f} s, a page of {size:.1f} MB, of {given.trials} trials of {given.folds} folds")


def write_scale(uri: str, folder: Path, trials: int, folds: int) -> float:
    """Make the store of runs up; the seconds that this took."""
    begun, rng = time.perf_counter(), np.random.default_rng(0)
    plan = plan_of(folder, folds, trials)
    source = configurations(plan, rng)
    write_store(uri, plan, [result_of(n, next(source)[1], folds, rng) for n in range(trials)])
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
