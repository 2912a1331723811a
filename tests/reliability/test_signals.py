"""Whatever ends a study, its record is closed and nothing of it runs on; a second Ctrl-C ends it at once."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from mlflow.tracking import MlflowClient
from reliability.clock import Clock

from study.core import children, interruption
from study.launch import processes

ROOT = Path(__file__).parents[2]
PATIENCE = 300.0  # seconds, on a machine that does much else
COMMAND = (
    "study.name=mine", "study.trials=4", "task.limit=60", "search.baselines=[]", "search.round=1", "sampler=grid",
    "method.rank=1,2,4,8", "engine.pack=1", "launcher._target_=quick.SleepyLauncher", "launcher.workers=2",
    "task.test_fraction=0",
)  # fmt: skip
STORM = [signal.SIGHUP, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGINT, signal.SIGTERM]


@pytest.fixture(autouse=True)
def hangups() -> Iterator[None]:
    """They are heard, also where these tests were begun by `nohup`, as processes hand on to those that they begin."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "study", *COMMAND, *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}


def wait_for(there: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < end
        time.sleep(0.05)


def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A study whose workers are at it for ever, one of them stopped."""
    process = subprocess.Popen(
        command(*arguments), cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which a shell's background jobs do not hear
    )  # fmt: skip
    wait_for(lambda: process.poll() is not None or len(sleepers(folder)) == 2)
    assert process.poll() is None, process.communicate()
    os.kill(sleepers(folder)[0], signal.SIGSTOP)
    return process


def sleepers(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in folder.glob("*.sleeps"))


def family(process: int) -> list[psutil.Process]:
    """What must not outlive it: workers, fork server and whatever else it began."""
    below = psutil.Process(process).children(recursive=True)
    assert len(below) >= 3
    return below


def check_closed(folder: Path) -> None:
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("mine").experiment_id])
    assert sorted(run.info.status for run in runs) == ["FINISHED"] * 4 + ["KILLED"] * 2  # study and second trial


@pytest.mark.parametrize(
    "signals",
    [STORM, *(pytest.param([each], marks=pytest.mark.long) for each in interruption.SIGNALS)],
    ids=["a storm", *(each.name for each in interruption.SIGNALS)],
)
def test_whatever_ends_it_the_record_is_closed_and_no_process_remains(
    signals: list[signal.Signals], tmp_path: Path
) -> None:
    with begin(tmp_path) as process:
        below = family(process.pid)
        for each in signals:
            process.send_signal(each)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.strip().endswith("Stopped. Finished folds are kept; the same command goes on from here.")
    assert psutil.wait_procs(below, timeout=PATIENCE)[1] == []
    check_closed(tmp_path)


@pytest.mark.long
def test_a_terminal_that_is_closed_ends_it_in_order(tmp_path: Path) -> None:
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(tmp_path)
        os.execve(sys.executable, command(), environment())
    os.set_blocking(terminal, False)

    def both_sleep() -> bool:
        with suppress(BlockingIOError):  # what is drawn must be read, or whoever draws it waits
            os.read(terminal, 65536)
        return len(sleepers(tmp_path)) == 2

    wait_for(both_sleep)
    below = family(process)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 130
    assert psutil.wait_procs(below, timeout=PATIENCE)[1] == []
    check_closed(tmp_path)


def test_a_second_ctrl_c_ends_it_at_once_whatever_is_being_closed(tmp_path: Path) -> None:
    with begin(tmp_path, "tracking=off", "tracking._target_=quick.EndlessTracker") as process:
        below = family(process.pid)
        process.send_signal(signal.SIGINT)
        wait_for((tmp_path / "closing").exists)
        while process.poll() is None:  # those that come too soon after the first are taken for the same
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "Ended at once. Finished folds are kept; the same command goes on from here." in err
    assert psutil.wait_procs(below, timeout=PATIENCE)[1] == []


class Ended(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The statuses with which this process would have ended."""
    statuses: list[int] = []

    def end(status: int) -> None:
        statuses.append(status)
        raise Ended

    monkeypatch.setattr(interruption.os, "_exit", end)
    monkeypatch.setattr(children, "end_all", lambda: None)
    return statuses


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(interruption, "time", made)
    return made


@pytest.mark.parametrize("first", interruption.SIGNALS, ids=lambda each: each.name)
def test_one_interruption_unwinds_and_only_a_later_ctrl_c_ends_at_once(
    first: signal.Signals, ends: list[int], clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    interruption.unwind("over")
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(first)
    signal.raise_signal(signal.SIGINT)  # a wrapper hands on what the terminal had sent to all
    clock.now = 2.0
    for other in {*interruption.SIGNALS} - {signal.SIGINT}:
        signal.raise_signal(other)
    assert ends == []
    with pytest.raises(Ended):
        signal.raise_signal(signal.SIGINT)
    assert ends == [130]
    assert capfd.readouterr().err == "over\n"


def test_what_must_not_be_left_half_done_is_done_before_an_interruption_is_heeded(
    ends: list[int], clock: Clock
) -> None:
    interruption.unwind()
    interruption.deliver()  # of nothing
    interruption.defer()
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        interruption.deliver()
    interruption.defer()
    clock.now = 2.0
    with pytest.raises(Ended):
        signal.raise_signal(signal.SIGINT)  # also while it waits
    assert ends == [130]


def test_what_waits_for_workers_is_cut_off_and_what_is_kept_meanwhile_is_not(ends: list[int], clock: Clock) -> None:
    done: list[str] = []

    def wait(come: signal.Signals | None, kept: signal.Signals | None = None) -> None:
        with interruption.heeding():
            done.append("waits")
            if come is not None:
                signal.raise_signal(come)
            with interruption.deferring():
                if kept is not None:
                    signal.raise_signal(kept)
                done.append("kept")
            done.append("came")

    def interrupt(before: signal.Signals | None, *signals: signal.Signals | None) -> list[str]:
        done.clear()
        interruption.unwind()
        interruption.defer()
        if before is not None:
            signal.raise_signal(before)
        with pytest.raises(KeyboardInterrupt):
            wait(*signals)
        interruption.raise_waiting()  # raised once, it is heeded
        return [*done]

    assert interrupt(signal.SIGINT, None) == []
    assert interrupt(None, signal.SIGTERM) == ["waits"]
    assert interrupt(None, None, signal.SIGHUP) == ["waits", "kept"]


def test_what_unwinds_within_what_unwinds_changes_nothing_of_what_waits(ends: list[int]) -> None:
    interruption.end_at_once("over")
    with interruption.unwinding(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    interruption.unwind()
    interruption.defer()
    with interruption.unwinding(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)  # which is closed already
    interruption.unwind()
    interruption.defer()
    with interruption.unwinding():
        pass
    signal.raise_signal(signal.SIGTERM)  # waits
    with pytest.raises(KeyboardInterrupt), interruption.unwinding():
        raise AssertionError
    assert ends == []


def test_whoever_outlives_its_terminal_goes_on_doing_so(ends: list[int]) -> None:
    """As `nohup` wants it."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interruption.end_at_once("over")
    signal.raise_signal(signal.SIGHUP)
    interruption.unwind()
    signal.raise_signal(signal.SIGHUP)
    with interruption.unwinding():
        signal.raise_signal(signal.SIGHUP)
    signal.raise_signal(signal.SIGHUP)
    assert ends == []
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("each", interruption.SIGNALS, ids=lambda each: each.name)
def test_what_leaves_nothing_to_close_ends_at_once(each: signal.Signals, ends: list[int]) -> None:
    interruption.end_at_once("over")
    with pytest.raises(Ended):
        signal.raise_signal(each)
    assert ends == [130]


def test_what_is_said_to_a_terminal_that_is_gone_is_no_error() -> None:
    """The end of the terminal is an error of whoever writes to it."""
    code = (
        "import os, sys, time; from study.core import interruption; interruption.unwind()\n"
        "try:\n os.write(1, b'ready')\n while True: time.sleep(0.05)\n"  # a pause may miss what comes just before it
        "except KeyboardInterrupt:\n print('one'); sys.stdout.flush(); print('two', file=sys.stderr); sys.exit(7)"
    )
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-c", code])
    assert os.read(terminal, 100) == b"ready"
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 7


def test_every_process_that_is_remembered_is_ended_though_it_is_stopped() -> None:
    with subprocess.Popen(["sleep", "3600"]) as one, subprocess.Popen(["sleep", "3600"]) as other:
        one.send_signal(signal.SIGSTOP)
        children.remember(one.pid)
        children.remember(other.pid)
        children.disregard(other.pid)
        before: Any = children._running - {one.pid}
        children._running -= before  # those of other tests
        children.end_all()
        children._running |= before
        assert one.wait(PATIENCE) == -signal.SIGKILL
        assert other.poll() is None
        other.kill()
    children.disregard(one.pid)


def test_an_interruption_that_comes_just_before_the_system_waits_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python calls a signal's handler between two of its instructions, none of which comes while the system waits."""
    waits = 0

    def wait(signs: list[object], seconds: float | None) -> list[object]:
        nonlocal waits
        assert seconds is not None
        waits += 1
        if waits == 2:
            signal.raise_signal(signal.SIGTERM)
        return []

    monkeypatch.setattr(processes.connection, "wait", wait)
    interruption.unwind()
    with pytest.raises(KeyboardInterrupt):
        processes.wait([])
    assert waits == 2
