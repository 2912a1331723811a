"""The table of reliability: what was done to studies, and how many folds were lost, trained twice or disagree.

`PYTHONPATH=tests python tests/reliability/table.py` prints it: every call to a store fails in a study of its own, real
sweeps are killed 100 times, eight drivers compete for a study on SQLite and on PostgreSQL and are killed, a node of a
Ray cluster is lost, and 11,000 command lines are tried. `--every 20 --kills 5 --rivals 10 --nodes 1 --short` does a
part of each.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import postgres
from reliability.exhaust import Examined, Examiners
from reliability.faults import CLIENT, CTRL_C, LOCKS, LOST, RAISE, RECORD, STORE, counted_as
from reliability.faults import GONE as AWAY
from reliability.faults import KILL as KILLED
from reliability.harness import torment
from rivals import Nursery, Rivals, outcome, undisturbed

ROOT = Path(__file__).parents[2]
TOTAL, DRIVERS = 60, 8
FAULTS = {
    "a statement or commit of the study's store fails": ((STORE, RAISE), (STORE, AWAY)),
    "the driver is killed at a commit": ((STORE, KILLED), (RECORD, KILLED)),
    "a call of MLflow's client fails, or its answer is lost": ((CLIENT, RAISE), (CLIENT, LOST), (CLIENT, AWAY)),
    "Ctrl-C is pressed as the driver takes a lock": ((LOCKS, CTRL_C),),
}


@dataclass
class Row:
    """One line of the table."""

    done: str
    times: int = 0
    lost: int = 0
    double: int = 0
    wrong: int = 0

    def __str__(self) -> str:
        return f"| {self.done} | {self.times:,} | {self.lost} | {self.double} | {self.wrong} |"


def faults(every: int) -> Iterator[Row]:
    """Each `every`-th call fails in a small study, whose command is then given again."""
    examiners = Examiners(os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder:
        whole = examiners.census(Path(folder))
        for done, kinds in FAULTS.items():
            row = Row(done)
            for place, kind in kinds:
                numbers = [*range(0, whole.faulty.calls[counted_as(place, kind)], every)]
                for examined in examiners.examine(Path(folder), place, kind, numbers):
                    _judge(row, examined, whole)
            yield row
    examiners.close()


def _judge(row: Row, examined: Examined, whole: Examined) -> None:
    row.times += 1
    row.lost += len(_folds(whole) - _folds(examined))
    row.double += len(examined.wasted)
    same = all(examined.outcome.get(key) == whole.outcome[key] for key in ("trials", "facts", "runs"))
    row.wrong += examined.again.status != 0 or "Traceback" in examined.faulty.said + examined.again.said or not same


def _folds(examined: Examined) -> set[tuple[int, str]]:
    return {(trial[0], fold) for trial in examined.outcome.get("trials", []) for fold in trial[4]}


def kills(count: int) -> Row:
    """Driver, worker or both are killed at random moments of sweeps that train."""
    with tempfile.TemporaryDirectory() as folder:
        counts = torment(Path(folder), count, seed=0)
    wrong = {part: len(each) for part, each in counts.wrong.items()}
    lost, double = wrong.pop("lost folds"), wrong.pop("double folds")
    return Row("a driver, a worker or both of a real sweep are killed", counts.kills, lost, double, sum(wrong.values()))


def rivals(count: int) -> Iterator[Row]:
    """Drivers compete for one study, and are killed at random."""
    expected = undisturbed(TOTAL)
    with ExitStack() as stack:
        nursery = Nursery()
        stack.callback(nursery.close)
        stores = {"SQLite": None, "PostgreSQL": postgres.programs()}
        for name, programs in stores.items():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            if name == "SQLite":
                urls = f"sqlite:///{folder}/study.db", f"sqlite:///{folder}/mlflow.db"
            elif programs is None:
                continue
            else:
                server = stack.enter_context(postgres.serve(programs))
                urls = server.database(), server.database()
            competing = Rivals(nursery, folder, *urls, TOTAL)
            ended = competing.rage(DRIVERS, count, seed=1)
            competing.close()
            kept = outcome(urls[0])
            lost = sum(len(trial[4].keys() - other[4].keys()) for trial, other in zip(expected, kept, strict=False))
            wrong = len(ended.tracebacks) + (kept != expected)
            done = f"one of {DRIVERS} drivers of one study on {name} is killed"
            yield Row(done, ended.killed, lost, len(ended.doubles), wrong)


def suites(nodes: int, short: bool) -> Iterator[Row]:
    """What tests of their own count: nodes that are lost, and command lines."""
    node = "tests/launch/test_ray.py::test_what_a_lost_node_trained_is_trained_elsewhere_and_equals_a_single_machines"
    lost = [_fails(node, "-m", "long or not long") for _ in range(nodes)]
    yield Row("a node of a Ray cluster is lost", nodes, wrong=sum(lost))
    lines = "tests/config/test_any_configuration.py"
    done = "a command line ends in a plan or one line"
    yield Row(done, 500 if short else 11_000, wrong=_fails(lines, "-m", "not long" if short else "long"))


def _fails(*arguments: str) -> int:
    """1 where the tests fail, else 0."""
    done = subprocess.run([sys.executable, "-m", "pytest", "-n0", "-q", *arguments], cwd=ROOT, check=False)
    return int(done.returncode != 0)


def main() -> int:
    """Print the table, a line as soon as it is there; status 1 where something is not zero."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="of the calls that may fail")
    parser.add_argument("--kills", type=int, default=100, help="of real sweeps")
    parser.add_argument("--rivals", type=int, default=60, help="kills of competing drivers on each store")
    parser.add_argument("--nodes", type=int, default=5, help="of Ray clusters that are killed")
    parser.add_argument("--short", action="store_true", help="500 command lines")
    asked = parser.parse_args()
    print("| what is done | times | lost folds | double folds | disagreements |\n| :-- | --: | --: | --: | --: |")
    clean = True
    for rows in (
        faults(asked.every),
        rivals(asked.rivals),
        suites(asked.nodes, asked.short),
        map(kills, [asked.kills]),
    ):
        for row in rows:
            print(row, flush=True)
            clean &= not (row.lost or row.double or row.wrong)
    return int(not clean)


if __name__ == "__main__":
    sys.exit(main())
