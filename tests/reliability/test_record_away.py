"""A record that takes nothing for a while costs a study nothing: a line says so, and what is missing is sent later."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest
from reliability.faults import CLIENT, GONE
from reliability.trials import trials_in
from tiny import save_model

from study.config.schema import Configuration, StudyConfig
from study.core.errors import StudyError
from study.core.records import Provenance
from study.record.behind import AWAY, BACK, Behind
from study.record.none import NoTracker
from study.record.refusals import refusal

if TYPE_CHECKING:
    from conftest import Court

REFUSED = "[Errno 28] No space left on device"


class Moody(NoTracker):
    """Notes its calls, and refuses those to trial 3 so many times, and its end and its report where it refuses all."""

    def __init__(self, times: int) -> None:
        self.times, self.seen, self.asked = times, list[object](), Event()

    def trial(self, number: int, configuration: Configuration, label: str, baseline: str | None) -> None:
        if number == 3 and self.times:
            self.times -= 1
            self.asked.set()
            raise OSError(28, "No space left on device")
        self.seen.append(number)

    def reopen(self) -> None:
        self.seen.append("reopened")

    def end(self, status: str) -> None:
        if self.times:
            raise OSError(28, "No space left on device")
        self.seen.append(status)

    def report(self, folder: Path) -> None:
        raise OSError(28, "No space left on device")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, tuple[int, ...]], tuple[Moody, Behind, list[str]]]:
    """Begins a record that refuses so many times, tells it these trials, and gives what it said."""

    def tell(times: int, trials: tuple[int, ...]) -> tuple[Moody, Behind, list[str]]:
        moody, said = Moody(times), list[str]()
        behind = Behind(moody)
        behind.start(StudyConfig(), Provenance({}), {})
        behind.tell_troubles(said.extend)
        for number in trials:
            behind.trial(number, Configuration(), "", None)
        return moody, behind, said

    monkeypatch.setattr("study.record.behind.PAUSES", (0.001,))
    return tell


Tell = Callable[[int, tuple[int, ...]], tuple[Moody, Behind, list[str]]]


def test_what_is_refused_is_tried_again_until_it_is_taken_and_what_comes_after_waits(told: Tell) -> None:
    moody, behind, said = told(4, (1, 3, 2))
    behind.wait()
    while behind.calls.unfinished_tasks:
        time.sleep(0.001)
    behind.end("FINISHED")
    assert moody.seen == [1, *["reopened"] * 4, 3, 2, "FINISHED"]
    assert said == [AWAY.format(REFUSED), BACK]
    assert behind.missing == ""


def test_at_the_end_what_is_still_refused_is_given_up_and_nothing_is_recorded_after_it(told: Tell) -> None:
    moody, behind, said = told(10**9, (1, 3, 2, 4))
    behind.end("FINISHED")
    assert [each for each in moody.seen if each != "reopened"] == [1]
    assert said == [AWAY.format(REFUSED)]
    assert behind.missing == REFUSED


def test_an_end_that_is_refused_leaves_the_record_without_it_and_a_report_says_what_helps(told: Tell) -> None:
    moody, behind, _ = told(0, (1,))
    moody.times = 1
    behind.end("FINISHED")
    assert (moody.seen, behind.missing) == ([1], REFUSED)
    with pytest.raises(StudyError, match=r"lora-study --sync study\.name=study sends what is missing"):
        behind.report(Path())


def test_nobody_waits_for_what_is_refused(told: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.record.behind.WAITING", 2)
    monkeypatch.setattr("study.record.behind.PAUSES", (1000.0,))
    moody, behind, _ = told(10**9, (3, *[4] * 50))
    behind.wait()
    assert moody.asked.is_set()
    behind.end("KILLED")
    assert moody.seen == ["reopened"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionError("Connection refused"), "MLflow does not answer at http://me:***@host:5000"),
        (OSError(28, "No space left on device"), f"MLflow: {REFUSED}"),
        (sqlite3.OperationalError("disk I/O error"), ""),  # MLflow's own store says it in its words
        (KeyError("a mistake"), ""),
    ],
    ids=["away", "full", "database", "mistake"],
)
def test_a_refusal_is_told_from_a_mistake_and_names_no_password(error: Exception, said: str) -> None:
    assert refusal(error, "http://me:secret@host:5000") == said


def test_what_a_record_that_went_away_has_missed_is_sent_by_sync_which_trains_nothing(court: Court) -> None:
    (examined,) = court.judge(CLIENT, GONE, [court.calls(CLIENT, GONE) // 2], again="sync")
    assert re.search(r"lora-study --sync study.name=study storage.url=\S+/study.db sends what", examined.faulty.said)
    assert examined.trained == (court.undisturbed.trained[0], 0)


@contextmanager
def server(folder: Path, port: int) -> Iterator[None]:
    """MLflow's own, on that port."""
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", f"sqlite:///{folder}/served.db", "--artifacts-destination", str(folder / "files")]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen([*command, *stores], cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for(port, process)
        yield
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server with what it has begun."""
    import os
    import signal

    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    from urllib.request import urlopen

    end = time.monotonic() + 120
    while time.monotonic() < end:
        assert process.poll() is None
        with suppress(OSError):
            urlopen(f"http://127.0.0.1:{port}/health").close()
            return
        time.sleep(0.2)
    raise AssertionError("MLflow's server does not answer")


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.long
def test_a_study_whose_mlflow_server_is_killed_trains_to_its_end_and_sync_sends_what_is_missing(tmp_path: Path) -> None:
    port, model = free_port(), save_model(tmp_path / "model")
    url = f"http://127.0.0.1:{port}"
    command = [
        sys.executable, "-m", "study", "study.name=away", "task.limit=60", "study.trials=4", "study.folds=2",
        f"model.name={model}", "model.max_length=32", "train.epochs=40", "method.rank=2,3,4", "sampler=grid",
        "search.baselines=[]", "engine.pack=1", "launcher.workers=1", "report.remeasure=false", f"tracking.uri={url}",
    ]  # fmt: skip
    with server(tmp_path, port):
        sweep = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while sweep.poll() is None:
            if any(any(key.startswith("fold:") for key in trial.user_attrs) for trial in trials_in(tmp_path, "away")):
                break
            time.sleep(0.2)
    said, complained = sweep.communicate()
    assert sweep.returncode == 2, complained
    assert "Traceback" not in complained
    assert f"MLflow does not answer at {url}" in complained
    assert "lora-study --sync study.name=away sends what is missing" in complained
    assert "the front of 4 trials" in said
    assert [trial.state.name for trial in trials_in(tmp_path, "away")] == ["COMPLETE"] * 4
    with server(tmp_path, port):
        sync = [sys.executable, "-m", "study", "--sync", "study.name=away"]
        done = subprocess.run(sync, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert re.search(r"Report: \S+index.html", done.stdout)
        assert _statuses(url) == {"study": ["FINISHED"], "trial": ["FINISHED"] * 4, "fold": ["FINISHED"] * 6}


def _statuses(url: str) -> dict[str, list[str]]:
    """The statuses of the study's runs by level; a trial that repeats another has no fold of its own."""
    from mlflow import MlflowClient

    client, out = MlflowClient(url), dict[str, list[str]]()
    experiment = client.get_experiment_by_name("away")
    assert experiment is not None
    for run in client.search_runs([experiment.experiment_id]):
        out.setdefault(run.data.tags["lora_study.level"], []).append(run.info.status)
    return out
