"""Real sweeps that are killed at random moments and begun again: what is lost, trained twice, or left behind.

    python tests/reliability/harness.py --kills 100

prints one table. Driver, worker or both are killed, over as many studies of ten trials as it takes.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
TRIALS, FOLDS = 10, 2
SWEEP = (
    "study.name=killed", "task.limit=60", f"study.trials={TRIALS}", f"study.folds={FOLDS}", "search.round=5",
    "model.max_length=32", "train.epochs=40", "method.rank=1,2,3,4,6,8", "method.lam=interval(0.1,10)",
    "sampler=random", "engine.pack=1", "launcher.workers=2", "report.remeasure=false",
)  # fmt: skip
VICTIMS = ("driver", "worker", "both")
LONG = 600.0  # seconds, in which every study ends
SETTLE = 60.0  # seconds for workers to find out that their driver is gone
PARTS = ("lost folds", "double folds", "disagreements", "runs left RUNNING", "processes left", "files left", "failures")


@dataclass
class Counts:
    """What was done, and what came of it."""

    studies: int = 0
    starts: int = 0
    driver: int = 0
    worker: int = 0
    both: int = 0
    folds: int = 0
    wrong: dict[str, list[str]] = field(default_factory=lambda: {part: [] for part in PARTS})

    @property
    def kills(self) -> int:
        """How many times something was killed."""
        return self.driver + self.worker + self.both

    def table(self) -> str:
        """All of it, a line each, then what was wrong."""
        done = [(f"kills of {f.name}" if f.name in VICTIMS else f.name, getattr(self, f.name)) for f in fields(self)]
        rows = [(name, value) for name, value in done if name != "wrong"]
        rows += [(part, len(each)) for part, each in self.wrong.items()]
        details = [f"{part}: {line}" for part, each in self.wrong.items() for line in each]
        return "\n".join([*(f"{name:<20}{value:>6}" for name, value in rows), *details])


class Sweep:
    """One study in a folder of its own, which holds also what it keeps elsewhere."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder, self.model, self.said = folder, model, folder / "said.txt"
        (folder / "tmp").mkdir(parents=True)

    def start(self) -> subprocess.Popen[bytes]:
        """The driver, begun."""
        paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        with self.said.open("ab") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "study", *SWEEP, f"model.name={self.model}"], cwd=self.folder, stdout=said,
                stderr=said, stdin=subprocess.DEVNULL, start_new_session=True,
                env={**os.environ, "PYTHONPATH": paths, "TMPDIR": str(self.folder / "tmp"), "HF_HUB_OFFLINE": "1"},
            )  # fmt: skip

    def folds(self) -> dict[tuple[int, int], str]:
        """Each durable fold as it is kept, with its times: one that is trained again has others."""
        return {(t.number, int(k[5:])): v for t in self.trials() for k, v in t.user_attrs.items() if k[:5] == "fold:"}

    def trials(self) -> list[Any]:
        """What the store holds of each trial; none where there is no study yet."""
        from reliability.trials import trials_in

        return trials_in(self.folder, "killed")

    def outcome(self) -> list[Any]:
        """States, parameters, values and scores of the trials."""
        from study.search.stored import folds_of

        return [
            (t.number, t.state.name, t.params, t.values, {k: f.score for k, f in folds_of(t).items()})
            for t in self.trials()
        ]

    def runs(self) -> list[Any]:
        """Every run of the study in MLflow."""
        from mlflow import MlflowClient

        client = MlflowClient(f"sqlite:///{self.folder}/mlflow.db")
        experiment = client.get_experiment_by_name("killed")
        assert experiment is not None
        return list(client.search_runs([experiment.experiment_id], max_results=1000))

    def left(self) -> list[str]:
        """Temporary files, sockets and half-made stores."""
        kept = (
            path for path in (self.folder / "tmp").iterdir() if not path.name.startswith("torchinductor")
        )  # torch's
        odd = [*kept, *self.folder.glob("*.unfinished*"), *self.folder.glob("*-journal")]
        return sorted(str(path.relative_to(self.folder)) for path in odd)


def begin_and_kill(sweep: Sweep, victim: str, after: float, counts: Counts) -> bool:
    """Run the study until it ends or the victim is killed; whether it has ended by itself."""
    import psutil

    driver, known = sweep.start(), sweep.folds()
    counts.starts += 1
    try:
        driver.wait(after)
    except subprocess.TimeoutExpired:
        below = psutil.Process(driver.pid).children(recursive=True)
        workers = [process for process in below if process.ppid() != driver.pid] or below
        doomed = workers[:1] if victim != "driver" else []
        for process in [*doomed, *([driver] if victim != "worker" else [])]:
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                process.send_signal(signal.SIGKILL)
        setattr(counts, victim, getattr(counts, victim) + 1)
        driver.wait()
        gone = psutil.wait_procs(below, timeout=SETTLE)[1]
        counts.wrong["processes left"] += [str(process) for process in gone]
    now = sweep.folds()
    counts.wrong["lost folds"] += [f"{sweep.folder.name} {key}" for key in known if key not in now]
    counts.wrong["double folds"] += [f"{sweep.folder.name} {k}" for k, v in known.items() if now.get(k, v) != v]
    return driver.returncode == 0


def compare(sweep: Sweep, undisturbed: Sweep, counts: Counts) -> None:
    """Hold a study that has ended against the one that nothing disturbed, and its record against its store."""
    name, outcome = sweep.folder.name, sweep.outcome()
    if outcome != undisturbed.outcome():
        counts.wrong["disagreements"].append(f"{name}: {outcome} is not {undisturbed.outcome()}")
    runs, rows = sweep.runs(), {}
    for run in runs:
        tags = {key: run.data.tags.get(f"lora_study.{key}", "") for key in ("level", "trial", "fold")}
        place = " ".join(tags.values()).strip()
        if run.info.status == "RUNNING":
            counts.wrong["runs left RUNNING"].append(f"{name}: {place}")
        if place in rows:
            counts.wrong["disagreements"].append(f"{name}: {place} is recorded twice")
        rows[place] = run
    counts.wrong["disagreements"] += [f"{name}: {line}" for line in _differences(outcome, rows)]
    counts.wrong["files left"] += [f"{name}: {path}" for path in sweep.left()]
    counts.folds += sum(len(folds) for *_, folds in outcome)
    counts.studies += 1


def _differences(outcome: list[Any], rows: dict[str, Any]) -> list[str]:
    """Where MLflow says something else than the store."""
    out = [] if len(outcome) == TRIALS else [f"{len(outcome)} trials instead of {TRIALS}"]
    for number, state, params, values, folds in outcome:
        trial = rows.get(f"trial {number}")
        if trial is None or (trial.info.status, state) != ("FINISHED", "COMPLETE"):
            out.append(f"trial {number} is {state}, and its run {trial and trial.info.status}")
            continue
        if trial.data.metrics["score"] != values[0]:
            out.append(f"trial {number} scores {values[0]}, and its run {trial.data.metrics['score']}")
        other = {key for key, value in params.items() if trial.data.params.get(key, str(value)) != str(value)}
        out += [f"trial {number} differs in {key}" for key in sorted(other)]
        scores = {
            k: rows[f"fold {number} {k}"].data.metrics["fold/score"] for k in folds if f"fold {number} {k}" in rows
        }
        repeats = "lora_study.duplicate_of" in trial.data.tags
        if scores != folds and not repeats:
            out.append(f"trial {number} has the folds {folds}, and its runs {scores}")
    return out


def torment(folder: Path, kills: int, seed: int, progress: bool = False) -> Counts:
    """Kill and begin again, `kills` times, in studies below the folder."""
    from tiny import save_model

    os.environ["LORA_STUDY_CACHE"] = os.environ.get("LORA_STUDY_CACHE") or str(folder / "cache")
    chance, counts, model = random.Random(seed), Counts(), save_model(folder / "model")
    cold, undisturbed = (Sweep(folder / name, model) for name in ("cold", "undisturbed"))
    _time(cold)  # which fills the caches
    whole, nothing = _time(undisturbed), _time(cold)
    compare(undisturbed, undisturbed, counts)

    def choose(sweep: Sweep) -> tuple[str, float]:
        """What is killed next, and after how many seconds; nothing where there were kills enough."""
        return chance.choice(VICTIMS), _moment(chance, sweep, whole, nothing) if counts.kills < kills else LONG

    while counts.kills < kills:
        sweep = Sweep(folder / f"study{counts.studies}", model)
        while not begin_and_kill(sweep, *choose(sweep), counts):
            if b"Traceback" in sweep.said.read_bytes():
                counts.wrong["failures"].append(f"{sweep.folder.name}: {sweep.said.read_text()[-2000:]}")
                break
        else:
            compare(sweep, undisturbed, counts)
        if progress:
            print(counts.table(), flush=True)
    return counts


def _moment(chance: random.Random, sweep: Sweep, whole: float, nothing: float) -> float:
    """Seconds to wait before a kill: any until the study would end, which takes `whole` seconds from its beginning and
    `nothing` where all is there."""
    return chance.uniform(0.1, whole + (nothing - whole) * len(sweep.folds()) / (TRIALS * FOLDS))


def _time(sweep: Sweep) -> float:
    """The seconds that the study takes to its end, which nothing disturbs."""
    begun = time.monotonic()
    if not begin_and_kill(sweep, "driver", LONG, Counts()):
        raise RuntimeError(sweep.said.read_text())
    return time.monotonic() - begun


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = torment(Path(folder), given.kills, given.seed, progress=True)
    print(counts.table())
    return int(any(counts.wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
