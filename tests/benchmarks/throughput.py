"""How many finished folds one driver takes: through ledger, record and racing, from 1 to 1,000 workers.

`PYTHONPATH=tests python tests/benchmarks/throughput.py` runs studies on a launcher that only waits, on a clock of its
own, and prints a table; `--keep` draws a curve too. Workers take no real time; what the driver does is measured, and
they wait for it. `--processor` measures the driver's processor time instead, as on a machine that does nothing else;
`--unsynced` leaves it to the system when SQLite's transactions reach the disk. `--postgresql` keeps both stores on a
server that it begins and ends; `--profile` says where the driver's time went.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, chdir, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import postgres
import unsynced
from benchmarks import throughput_curves
from invented import Silent, plan_of
from virtual import Virtual

from study.config.members import Member
from study.config.schema import Configuration, StorageConfig
from study.core import seeding
from study.core.answers import Answers
from study.core.records import Epoch, FoldResult, Provenance
from study.record.behind import Behind
from study.record.mlflow import MlflowTracker
from study.search.driver import Driver
from study.search.ledger import Ledger
from study.search.plan import Plan

WORKERS = (1, 2, 10, 100, 1000)
FOLDS, EXAMPLES, SMALLEST = 3, 600, 8  # of a study; trials in a round at least
SPACE = (
    "method.kind=lora,factorized", "method.rank=1,2,4,8,16,32,64", "method.targets=qv,attention,all-linear",
    "method.lam=interval(0.1,1000)", "train.lr=interval(1e-4,1e-2)",
)  # fmt: skip
Clock = Callable[[], float]
MOST_UNEVEN = 10  # times as long as the shortest, the longest fold


@dataclass(frozen=True)
class Row:
    """What was measured of one study; seconds are real ones but for those of workers."""

    store: str
    schedule: str
    pruner: str
    uneven: bool
    workers: int
    trials: int
    folds: int
    seconds: float  # of the driver and of its record, asking left out
    asking: float
    ledger: float
    racing: float
    lasted: float  # the study, on the workers' clock
    idle: float

    @property
    def rate(self) -> float:
        """Finished folds a second."""
        return self.folds / self.seconds

    @property
    def asked(self) -> float:
        """The share of the study in which it asked."""
        return self.asking / self.lasted


class Waiting(Virtual):
    """Waits on its own clock, and brings results as large as those of a study of texts."""

    def _result(self, member: Member) -> FoldResult:
        rng = np.random.default_rng(seeding.derive(0, "answers", member.trial, member.fold))
        result = super()._result(member)
        score = float(result.score or 0)
        costs = {
            "accuracy": score, "macro_f1": score - 0.01, "loss": 1 - score, "memory/train_bytes": 2e8,
            "pack/members": 1.0, "memory/peak_bytes": 9e8, "time/train_seconds": 3.0, "speed/tokens_per_second": 3e3,
            "latency/ms": 1.5,
        }  # fmt: skip
        epochs = tuple(Epoch(e, 10 * e, 0.7 / e, 0.1 * e) for e in (1, 2))
        answers = Answers(predicted=rng.random(EXAMPLES // FOLDS) > score)
        times = {"started": 1.7e9 + self.now - 2, "ended": 1.7e9 + self.now}
        return replace(result, metrics={**result.metrics, **costs}, epochs=epochs, answers=answers, **times)


def score(configuration: Configuration, fold: int) -> float:
    """More rank scores better; the fold and chance add a little."""
    m = configuration.method
    noise = seeding.derive(0, m.kind, str(m.rank), m.lam, m.targets, configuration.train.lr, fold) % 1000 / 1000 - 0.5
    return float(0.6 + 0.05 * np.log10(float(m.rank)) + 0.01 * (fold - 1) + 0.04 * noise)


def costs_of(seconds: float, uneven: bool) -> Callable[[Member], float]:
    """Seconds of each member: as many for all, or up to ten times as many for one as for another, on average so."""

    def cost(member: Member) -> float:
        if not uneven:
            return seconds
        drawn = seeding.derive(0, "cost", member.trial, member.fold) % 1000 / 999
        return seconds * 2 / (1 + MOST_UNEVEN) * (1 + (MOST_UNEVEN - 1) * drawn)

    return cost


def study_plan(workers: int, trials: int, url: str, *overrides: str) -> Plan:
    """The plan of a study whose rounds are as large as the cluster."""
    rounds = f"search.round={max(SMALLEST, workers)}"
    sizes = (f"study.folds={FOLDS}", f"study.trials={trials}", rounds, "engine.pack=1")
    plan = plan_of(*sizes, *SPACE, *overrides, examples=EXAMPLES)
    made = replace(plan, config=replace(plan.config, storage=StorageConfig(url)))
    made._shapes.update(plan._shapes)
    return made


@contextmanager
def timed(spent: dict[str, float], name: str, clock: Clock, whose: Any, *methods: str) -> Iterator[None]:
    """Add up the seconds in these methods of an object while open."""
    with ExitStack() as stack:
        for method in methods:
            call = getattr(whose, method)

            def timing(*arguments: Any, call: Any = call, **notes: Any) -> Any:
                begun = clock()
                try:
                    return call(*arguments, **notes)
                finally:
                    spent[name] = spent.get(name, 0.0) + clock() - begun

            setattr(whose, method, timing)
            stack.callback(delattr, whose, method)
        yield


def measure(store: str, urls: tuple[str, str], workers: int, trials: int, seconds: float, **how: Any) -> Row:
    """Run a study of so many trials whose folds take so many seconds each, on average; `how` are fields of the row, and
    the `clock` of the driver."""
    clock: Clock = how.get("clock", time.perf_counter)
    schedule, pruner, uneven = how.get("schedule", "rounds"), how.get("pruner", "racing"), how.get("uneven", False)
    plan = study_plan(workers, trials, urls[0], f"search.schedule={schedule}", f"pruner={pruner}")
    ledger, tracker = Ledger(plan), Behind(MlflowTracker(urls[1]))
    tracker.start(plan.config, Provenance({"lora_study.study_id": ledger.study_id}), {})
    launcher: Any = Waiting(plan, score, workers, cost=costs_of(seconds, uneven), clock=clock)
    driver, spent = Driver(plan, ledger, tracker, Silent(), launcher), dict[str, float]()  # type: ignore[arg-type]
    begun = clock()
    with (
        timed(spent, "asking", clock, ledger, "ask_until", "ask_more"),
        timed(spent, "ledger", clock, ledger, "keep", "close"),
        timed(spent, "racing", clock, driver.races, "stop", "estimates"),
    ):
        driver.run()
        tracker.end("FINISHED")
    whole = clock() - begun
    parts = {name: spent.get(name, 0.0) for name in ("asking", "ledger", "racing")}
    return Row(
        store, schedule, pruner, uneven, workers, trials, len(launcher.ran), whole - parts["asking"], **parts,
        lasted=launcher.now, idle=launcher.idle,
    )  # fmt: skip


@contextmanager
def places(server: postgres.Server | None) -> Iterator[tuple[str, tuple[str, str]]]:
    """A kind of store, and the addresses of an empty one for the search and for the record."""
    with tempfile.TemporaryDirectory() as name, chdir(name):
        if server is None:
            yield "SQLite", (f"sqlite:///{name}/optuna.db", f"sqlite:///{name}/mlflow.db")
        else:
            yield "PostgreSQL", (server.database(), server.database())


def trials_for(workers: int, rounds: int) -> int:
    """So many rounds as large as the cluster, and enough of small ones."""
    return max(rounds * max(SMALLEST, workers), 80)


def table(rows: Sequence[Row], seconds: float) -> Iterator[str]:
    """The rows in Markdown."""
    heads = ("store", "schedule", "pruner", "costs", "workers", "folds", "folds a second", "ledger, ms a fold",
             "racing, ms a fold", "asking, ms a trial", f"asking, at {seconds:g} s a fold", "idle")  # fmt: skip
    yield f"| {' | '.join(heads)} |"
    yield "| :-- | :-- | :-- | :-- |" + " --: |" * (len(heads) - 4)
    for row in rows:
        cells = (
            row.store, row.schedule, row.pruner, "1 to 10" if row.uneven else "equal", f"{row.workers:,}",
            f"{row.folds:,}", f"{row.rate:.0f}", f"{1000 * row.ledger / row.folds:.1f}",
            f"{1000 * row.racing / row.folds:.1f}", f"{1000 * row.asking / row.trials:.1f}", f"{row.asked:.2%}",
            f"{row.idle:.1%}",
        )  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure what the command line asks for, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS)
    parser.add_argument("--seconds", type=float, default=60.0, help="that a fold takes on average")
    parser.add_argument("--rounds", type=int, default=1, help="as large as the cluster")
    parser.add_argument("--schedules", nargs="+", default=["rounds", "rolling", "async"])
    parser.add_argument("--pruners", nargs="+", default=["racing"])
    parser.add_argument(
        "--uneven", action="store_true", help="the longest fold takes ten times as long as the shortest"
    )
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--processor", action="store_true", help="by processor time, as on an idle machine")
    parser.add_argument("--unsynced", action="store_true", help="SQLite waits for no disk")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument(
        "--keep", type=Path, help="a file of JSON that rows are added to, and drawn from beside this one"
    )
    given = parser.parse_args()
    rows = []
    if given.unsynced:
        unsynced.install()
    clock = time.process_time if given.processor else time.perf_counter
    with ExitStack() as stack:
        programs = postgres.programs() if given.postgresql else None
        server = stack.enter_context(postgres.serve(programs)) if programs else None
        for pruner in given.pruners:
            for schedule in given.schedules:
                for workers in given.workers:
                    how = {"schedule": schedule, "pruner": pruner, "uneven": given.uneven, "clock": clock}
                    trials = trials_for(workers, given.rounds)
                    with (
                        places(server) as (store, urls),
                        cProfile.Profile() if given.profile else ExitStack() as profile,
                    ):
                        rows.append(measure(store, urls, workers, trials, given.seconds, **how))
                    if given.profile:
                        pstats.Stats(profile).sort_stats("cumulative").print_stats(60)
    if given.keep:
        kept = [Row(**raw) for raw in json.loads(given.keep.read_text())] if given.keep.exists() else []
        rows = [*kept, *rows]
        given.keep.write_text(json.dumps([asdict(row) for row in rows], indent=0) + "\n")
        throughput_curves.draw(rows, given.keep.with_suffix(".svg"))
    print(*table(rows, given.seconds), sep="\n")


if __name__ == "__main__":
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    main()
