"""A whole study on a Ray cluster of its own: the same numbers as on local processes, and nothing stays behind."""

from __future__ import annotations

import csv
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import optuna
import psutil
import pytest
from tiny import letters, save_model

from study.core.records import FoldResult
from study.search.storage import storage

PATIENCE = 300  # seconds, on a machine that does much else
LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("inputs")
    examples = letters(80).examples
    with (folder / "letters.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        rows.writerows(zip(examples.texts, examples.labels.tolist(), strict=True))
    return [
        "study.name=slice", "task=file", f"task.path={folder / 'letters.csv'}", "task.text=text", "task.label=label",
        f"model.name={save_model(folder / 'model')}", "model.max_length=16", "study.trials=4", "study.folds=2",
        "search.round=2", "train.epochs=2", "train.lr=5e-3", "method.layers=top-1", "method.rank=2,4",
        "tracking=off",
    ]  # fmt: skip


def began(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "study", *arguments], cwd=folder, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # A shell's background job, as these tests may be, hears no Ctrl-C, and neither would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def numbers(folder: Path) -> list[tuple[object, ...]]:
    """What the search was told, and every fold's losses and answers, to the last bit."""
    trials = optuna.load_study(study_name="slice", storage=storage(f"sqlite:///{folder / 'lora-study.db'}")).trials
    kept = {
        (t.number, k): FoldResult.from_json(v)
        for t in trials for k, v in t.user_attrs.items() if k.startswith("fold:")
    }  # fmt: skip
    answers = {key: fold.answers and fold.answers.to_text() for key, fold in kept.items()}
    return [
        *((t.number, t.params, t.values, t.state) for t in trials),
        *sorted((*key, fold.score, fold.epochs, answers[key]) for key, fold in kept.items()),
    ]


def below(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def wait_for_a_fold(folder: Path, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None
        with suppress(sqlite3.OperationalError):  # at first there is no file, then no table in it
            address = f"file:{folder / 'lora-study.db'}?mode=ro"
            with closing(sqlite3.connect(address, uri=True)) as store:
                if store.execute("SELECT 1 FROM trial_user_attributes WHERE key LIKE 'fold:%'").fetchone():
                    return
        time.sleep(0.05)
    raise AssertionError(f"no fold within {PATIENCE} seconds")


def folder_of_the_cluster(processes: list[psutil.Process]) -> Path:
    (line,) = {tuple(p.cmdline()) for p in processes if "study.launch.rayhead" in p.cmdline()}
    return Path(line[line.index("study.launch.rayhead") + 1])


def test_a_study_on_ray_is_the_one_of_local_processes_bit_for_bit(arguments: list[str], tmp_path: Path) -> None:
    with began(tmp_path / "local", *arguments, "launcher.workers=2") as process:
        assert process.wait(PATIENCE) == 0
    with began(tmp_path / "ray", *arguments, "launcher=ray", "launcher.workers=2") as process:
        wait_for_a_fold(tmp_path / "ray", process)
        processes = [psutil.Process(process.pid), *below(process)]
        temporary = folder_of_the_cluster(processes)
        listening = {
            c.laddr.ip for p in processes if p.is_running() for c in p.net_connections() if c.status == "LISTEN"
        }
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert numbers(tmp_path / "ray") == numbers(tmp_path / "local") != []
    assert set() != listening <= LOOPBACK
    assert not temporary.exists()
    assert psutil.wait_procs(processes, timeout=PATIENCE)[1] == []
    assert "ray" not in (out + err).lower().replace("launcher=ray", "").replace(str(tmp_path), "")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name)
def test_a_driver_that_is_stopped_leaves_nothing_of_its_cluster(
    how: signal.Signals, arguments: list[str], tmp_path: Path
) -> None:
    with began(tmp_path, *arguments, "launcher=ray", "launcher.workers=2", "study.trials=400") as process:
        wait_for_a_fold(tmp_path, process)
        processes = below(process)
        temporary = folder_of_the_cluster(processes)
        assert temporary.exists()
        os.killpg(process.pid, how)  # as a terminal does it
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == (130 if how != signal.SIGKILL else -signal.SIGKILL)
    assert ("the same command goes on" in err) == (how != signal.SIGKILL)
    assert "Traceback" not in err
    assert psutil.wait_procs(processes, timeout=PATIENCE)[1] == []
    assert not temporary.exists()
