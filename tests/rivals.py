"""Drivers of one study that are begun at once and killed: processes that invent their folds instead of training them.

Run as a program it imports what a driver needs, once, and then forks one for each line that it is told.
"""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import chdir, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]
OVERRIDES = ("method.rank=2,4,8", "method.lam=interval(0.1,100)", "search.round=3", "study.folds=3")
TAKEN, FAILED = 2, 1  # statuses of a driver that is told who has the study, and of one that ends in a traceback
PAUSE = 0.01  # seconds that a fold takes


@dataclass(frozen=True)
class Ended:
    """What became of the drivers: how many were begun, killed and refused, tracebacks, and folds trained twice."""

    begun: int
    killed: int
    refused: int
    tracebacks: list[str]
    doubles: list[str]


class Nursery:
    """A process that has imported what drivers need, and forks them."""

    def __init__(self) -> None:
        paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        self.process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONPATH": paths},
        )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        assert self.stdout.readline() == "ready\n"

    def fork(self, orders: list[dict[str, Any]]) -> list[int]:
        """The processes of as many drivers, begun together."""
        self.stdin.write("".join(f"{json.dumps(order)}\n" for order in orders))
        self.stdin.flush()
        return [int(self.stdout.readline()) for _ in orders]

    def close(self) -> None:
        """End it; the drivers that live go on."""
        self.stdin.close()
        self.process.wait()


class Rivals:
    """Drivers that compete for the study of `name`, kept at `url` and recorded at `tracking`, until it is at its end.

    What they do stands in the file `log`, a line each; a file that is appended to mixes no lines.
    """

    def __init__(
        self, nursery: Nursery, folder: Path, url: str, tracking: str, total: int, name: str = "study"
    ) -> None:
        self.log, self.alive = folder / f"{name}.log", set[int]()
        self.log.touch()
        self.order = {"url": url, "tracking": tracking, "total": total, "name": name, "log": str(self.log)}
        self.nursery = nursery

    def begin(self, count: int = 1) -> list[int]:
        """The processes of so many more drivers, begun together."""
        begun = self.nursery.fork([self.order] * count)
        self.alive |= {*begun}
        return begun

    def lines(self, word: str) -> list[str]:
        """What the drivers have said of that kind."""
        return [line for line in self.log.read_text().splitlines() if line.split()[1] == word]

    def rage(self, count: int, kills: int, seed: int) -> Ended:
        """Let `count` drivers run at any time, kill one of them or the owner again and again, `kills` times, and wait
        for the end of the study."""
        chance, killed, begun = random.Random(seed), 0, len(self.begin(count))
        while not self.lines("finished") and not self.lines("traceback"):
            time.sleep(chance.uniform(0.02, 0.2))
            gone = {int(line.split()[0]) for line in self.lines("ended")}
            self.alive -= gone
            owners = [int(line.split()[0]) for line in self.lines("owns")[-1:]]
            if killed < kills and owners and self.alive:
                victim = (
                    owners[0] if owners[0] in self.alive and chance.random() < 0.5 else chance.choice([*self.alive])
                )
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                killed += 1
                self.alive.discard(victim)
            begun += len(self.begin(count - len(self.alive)))
        self.await_ends()
        statuses = [int(line.split()[2]) for line in self.lines("ended")]
        return Ended(begun, killed, statuses.count(TAKEN), self.lines("traceback"), self.lines("double"))

    def await_ends(self) -> None:
        """Wait for those that live: who comes after the end opens the study's run once more before closing it."""
        deadline = time.monotonic() + 60
        while self.alive - {int(line.split()[0]) for line in self.lines("ended")} and time.monotonic() < deadline:
            time.sleep(0.02)

    def close(self) -> None:
        """End every driver."""
        for process in self.alive:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def outcome(url: str, name: str = "study") -> list[tuple[Any, ...]]:
    """What a store holds of each trial: its number, state, parameters, values and folds' scores."""
    from study.search.storage import storage, study_in

    kept = storage(url)
    study = study_in(kept, name)
    assert study is not None
    return _facts(kept.get_all_trials(study._study_id))


def undisturbed(total: int) -> list[tuple[Any, ...]]:
    """The same of a study that one driver has run from its first trial to its last."""
    import invented

    driver, _ = invented.run(invented.plan_of(*OVERRIDES, f"study.trials={total}"), invented_score)
    return _facts(driver.ledger.trials())


def _facts(trials: Iterable[Any]) -> list[tuple[Any, ...]]:
    from study.search.stored import folds_of

    return [(t.number, t.state.name, t.params, t.values, {k: f.score for k, f in folds_of(t).items()}) for t in trials]


def _main() -> None:
    """Fork a driver for every line of standard input, each an order, and say its process."""
    import mlflow.store.db.utils  # noqa: F401 -- like the libraries below, which take seconds
    import mlflowcopies
    import psycopg  # noqa: F401
    import unsynced
    from invented import plan_of

    unsynced.install()
    mlflowcopies.install()
    plan = plan_of(*OVERRIDES)
    with TemporaryDirectory() as folder:
        first = f"sqlite:///{folder}/study.db", f"sqlite:///{folder}/mlflow.db"
        with chdir(folder):
            _drive(_of_study(plan, "first", *first, 1), lambda *_: None)
    gc.freeze()  # else each driver copies the whole heap to search it for cycles
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who has ended is forgotten at once
    print("ready", flush=True)
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            _live(plan, **json.loads(line))
        print(process, flush=True)


def _live(plan: Any, url: str, tracking: str, total: int, name: str, log: str) -> None:
    """Be a driver until the study's end, and end the process."""
    from study.search.lease import StudyTaken

    file, status = os.open(log, os.O_WRONLY | os.O_APPEND), 0

    def say(*words: object) -> None:
        os.write(file, f"{os.getpid()} {' '.join(map(str, words))}\n".encode())

    try:
        _drive(_of_study(plan, name, url, tracking, total), say)
        say("finished")
    except StudyTaken:
        status = TAKEN
    except BaseException:  # noqa: BLE001 -- the parent judges it
        say("traceback", traceback.format_exc().replace("\n", " | "))
        status = FAILED
    say("ended", status)
    os._exit(status)


def _of_study(plan: Any, name: str, url: str, tracking: str, total: int) -> Any:
    """The plan for that study; no model is loaded behind a fork, where torch's threads are missing."""
    from study.config.options import IN_MLFLOW
    from study.config.schema import StorageConfig

    stores = {"storage": StorageConfig(url), "tracking": {**IN_MLFLOW, "uri": tracking}}
    config = replace(plan.config, study=replace(plan.config.study, name=name, trials=total), **stores)
    ours = replace(plan, config=config)
    ours._shapes.update(plan._shapes)
    return ours


def _drive(plan: Any, say: Any) -> None:
    from invented import Silent

    from study import record
    from study.core.records import Provenance
    from study.search import lease
    from study.search.driver import Driver
    from study.search.ledger import Ledger

    tracker = record.make(plan.config)
    lease.refuse_taken(plan.config)
    tracker.check(plan.config)
    with lease.hold(plan.config) as owned:
        say("owns")
        ledger: Any = Ledger(plan, lease=owned)
        launcher: Any = _watched(plan, ledger, say)
        tracker.start(plan.config, Provenance({"lora_study.study_id": ledger.study_id}), {})
        Driver(plan, ledger, tracker, Silent(), launcher).run()  # type: ignore[arg-type]
        tracker.end("FINISHED")


def _watched(plan: Any, ledger: Any, say: Any) -> Any:
    """A launcher that takes time, and says so where it is asked for a fold that the store has already.

    What a pack brings comes together, as it does from a worker.
    """
    from invented import Invented

    from study.launch import Launcher
    from study.search.stored import folds_of

    class Watched(Invented):
        def run(self, packs: Any, more: Any = None) -> Iterator[Any]:
            for pack in packs:
                results = [*super().run([pack])]
                for result in results:
                    time.sleep(PAUSE)
                    trial = next(trial for trial in ledger.study.get_trials() if trial.number == result.trial)
                    if result.fold in folds_of(trial):
                        say("double", result.trial, result.fold)
                yield from Launcher.yield_ready(self, results)  # type: ignore[arg-type]

    return Watched(plan, invented_score)


def invented_score(configuration: Any, fold: int) -> float:
    """A score that depends on nothing but the configuration and the fold."""
    return round(0.5 + 0.01 * configuration.method.rank + 0.001 * fold + 1e-4 * (configuration.method.lam or 0), 9)


if __name__ == "__main__":
    _main()
