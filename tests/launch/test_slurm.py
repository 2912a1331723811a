"""Workers as jobs: what is preempted or late is begun again, and what Slurm runs is what processes here do."""

from __future__ import annotations

import importlib.util
import os
import pickle
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import rays
import slurms
from deadly import Stuck
from submitit.core.job_environment import SignalHandler
from submitit.core.utils import UncompletedJobError
from tiny import configuration, letters, member_of, save_model

from study.config.members import Member
from study.config.schema import EngineConfig, ModelConfig
from study.core.errors import ConfigError, StudyError
from study.core.records import FoldResult
from study.launch import Worker
from study.launch.jobs import Errand
from study.launch.local import LocalLauncher
from study.launch.slurm import SlurmLauncher

PATIENCE = 300.0  # seconds, on a machine that does much else


@pytest.fixture(scope="module")
def _slurm() -> Iterator[None]:
    """A cluster that answers, or else one of this machine, where Slurm is installed."""
    if slurms.answers():
        yield
    elif (programs := slurms.programs()) is None:
        pytest.skip("Slurm is not installed")
    else:
        with slurms.serve(programs):
            yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelConfig:
    return ModelConfig(name=str(save_model(tmp_path_factory.mktemp("model"))))


@pytest.fixture
def members(model: ModelConfig) -> list[Member]:
    small = replace(configuration(batch_size=4, layers="top-1"), model=model)
    return [
        member_of(t, f, replace(small, method=replace(small.method, rank=1 + t)), 7) for t in (0, 1) for f in (0, 1)
    ]


@pytest.fixture(autouse=True)
def _jobs_import_tests_and_lie_in_a_folder_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rays.import_tests(monkeypatch)
    monkeypatch.chdir(tmp_path)


def worker() -> Worker:
    return Worker(letters(), EngineConfig())


def stuck(member: Member, folder: Path, times: int = 1) -> Member:
    return replace(member, configuration=Stuck(member.configuration, folder, times))  # type: ignore[arg-type]


def outcomes(results: list[FoldResult]) -> dict[tuple[int, int], object]:
    """Score, losses and answers to the last bit by member, each once."""
    assert len({(r.trial, r.fold) for r in results}) == len(results)
    assert all(r.error is None for r in results)
    return {(r.trial, r.fold): (r.score, r.epochs, r.answers and r.answers.to_text()) for r in results}


@pytest.fixture
def expected(members: list[Member]) -> dict[tuple[int, int], object]:
    with LocalLauncher(1).start(worker()) as launcher:
        return outcomes(list(launcher.run([[member] for member in members])))


def wait_for(there: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_in_this_process_jobs_train_what_a_worker_does(
    members: list[Member], expected: dict[tuple[int, int], object]
) -> None:
    with SlurmLauncher("debug").start(worker()) as launcher:
        assert outcomes(list(launcher.run([members[:1], members[1:2], members[2:3], members[3:]]))) == expected
        assert launcher.ask(Worker.device) == "cpu"
        assert list(launcher.run([])) == []
    assert list(Path("slurm").iterdir()) == []  # nothing died, and no log is wanted


@pytest.mark.long
def test_a_job_that_is_preempted_trains_its_pack_again(
    members: list[Member], expected: dict[tuple[int, int], object], tmp_path: Path
) -> None:
    def preempt() -> None:
        wait_for((tmp_path / "0.stuck").exists)
        os.kill(int((tmp_path / "0.stuck").read_text().split()[0]), signal.SIGUSR2)

    beside = threading.Thread(target=preempt)
    beside.start()
    with SlurmLauncher("local", 2).start(worker()) as launcher:
        results = list(launcher.run([[stuck(members[0], tmp_path)], members[1:2], members[2:3], members[3:]]))
    beside.join()
    assert outcomes(results) == expected


def take_any_error(worker: Worker) -> str:
    """As a training does, whose errors are its result."""
    try:
        signal.raise_signal(signal.SIGUSR2)
    except Exception as error:  # noqa: BLE001
        return str(error)
    return "nothing"


def test_the_end_of_a_jobs_time_is_no_error_of_what_it_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """submitit announces it by an exception, wherever the job happens to be."""

    def announce(handler: object, number: int, frame: object) -> None:
        raise UncompletedJobError("Job not requeued because: timed-out too many times.")

    monkeypatch.setattr(SignalHandler, "checkpoint_and_try_requeue", announce)
    handler = object.__new__(SignalHandler).checkpoint_and_try_requeue
    (tmp_path / "worker").write_bytes(pickle.dumps(worker()))
    errand = Errand(tmp_path / "worker", pickle.dumps((take_any_error, ())), alone=False)
    before = signal.signal(signal.SIGUSR2, handler)
    try:
        with pytest.raises(UncompletedJobError, match="timed-out too many times"):
            errand()
        assert signal.getsignal(signal.SIGUSR2) == handler
    finally:
        signal.signal(signal.SIGUSR2, before)


@pytest.mark.long
def test_a_member_that_its_jobs_have_no_time_for_fails_by_name(members: list[Member], tmp_path: Path) -> None:
    launcher = SlurmLauncher("local", 2)
    launcher.parameters["local_timeout_min"] = 1.0  # whose last half a minute begins with a signal
    with launcher.start(worker()):
        results = list(launcher.run([[stuck(members[0], tmp_path, times=9)], members[1:2]]))
    late, right = sorted(results, key=lambda r: r.fold)
    assert late.error == "its job reached launcher.timeout_min=60, twice; write a longer one"
    assert right.error is None
    assert len([*tmp_path.glob("*.stuck")]) == 2


@pytest.mark.long
def test_whoever_stops_leaves_no_job_behind(members: list[Member], tmp_path: Path) -> None:
    with SlurmLauncher("local", 2).start(worker()) as launcher:
        running = launcher.run([[stuck(members[0], tmp_path)], members[1:2]])
        assert next(running).error is None
        wait_for((tmp_path / "0.stuck").exists)
        process = psutil.Process(int((tmp_path / "0.stuck").read_text().split()[0]))
        controller = process.parent()
        assert controller is not None
    assert psutil.wait_procs([process, controller], timeout=PATIENCE)[1] == []


@pytest.mark.long
@pytest.mark.usefixtures("_slurm")
@pytest.mark.parametrize("how", [["scontrol", "requeue"], ["scancel"]], ids=["requeue", "cancel"])
def test_slurm_runs_what_processes_here_do_whatever_becomes_of_a_job(
    how: list[str], members: list[Member], expected: dict[tuple[int, int], object], tmp_path: Path
) -> None:
    def disturb() -> None:
        wait_for((tmp_path / "0.stuck").exists)
        job = next(iter(jobs_of_mine()))
        subprocess.run([*how, job], check=True)

    beside = threading.Thread(target=disturb)
    beside.start()
    with SlurmLauncher(workers=2, timeout_min=5).start(worker()) as launcher:
        results = list(launcher.run([[stuck(members[0], tmp_path)], members[1:2], members[2:3], members[3:]]))
        assert launcher.ask(Worker.device) == "cpu"
    beside.join()
    assert outcomes(results) == expected
    wait_for(lambda: not jobs_of_mine())


def jobs_of_mine() -> list[str]:
    """In the order of their numbers."""
    listed = subprocess.run(["squeue", "--me", "-h", "-r", "-o", "%i"], capture_output=True, text=True, check=True)
    return sorted(listed.stdout.split())


@pytest.mark.usefixtures("_slurm")
def test_jobs_that_slurm_refuses_end_the_study_in_one_line() -> None:
    with (
        SlurmLauncher(partition="nowhere").start(worker()) as launcher,
        pytest.raises(StudyError, match=r"launcher=slurm: the jobs are refused \(.*nvalid partition"),
    ):
        launcher.ask(Worker.device)


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("cluster", "pbs", "is none that submitit knows"),
        ("workers", 0, "at least one job must run"),
        ("workers", True, "at least one job must run"),
        ("folder", "", "is no folder"),
        ("timeout_min", 0, "is no whole number of minutes"),
        ("timeout_min", 1.5, "is no whole number of minutes"),
        ("parameters", "qos", "are not given by name"),
        ("parameters", {"qsos": "high"}, "refused by submitit .*qsos"),
        ("cpus_per_task", "two", "refused by submitit .*cpus_per_task"),
    ],
)
def test_arguments_that_cannot_be_are_refused_where_nothing_has_started(key: str, value: Any, rule: str) -> None:
    with pytest.raises(ConfigError, match=f"launcher.*: .*{rule}"):
        SlurmLauncher(**{"cluster": "local", key: value})
    assert not Path("slurm").exists()


@pytest.fixture
def _no_submitit(monkeypatch: pytest.MonkeyPatch) -> None:
    find: Callable[..., Any] = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "submitit" else find(name, *more)
    )


@pytest.mark.usefixtures("_no_submitit")
def test_without_submitit_one_line_says_how_to_install_it() -> None:
    said = r'launcher=slurm: needs submitit, which is not installed; pip install "lora-study\[slurm\]"'
    with pytest.raises(ConfigError, match=said):
        SlurmLauncher("local")


def test_where_no_jobs_can_be_submitted_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(
        ConfigError, match=r"launcher\.cluster=slurm: there is no sbatch here; start the study where jobs"
    ):
        SlurmLauncher()


def test_what_was_made_and_not_started_holds_nothing() -> None:
    launcher = SlurmLauncher("local")
    launcher.close()
    with pytest.raises(RuntimeError, match="a launcher starts before it is given work"):
        launcher.ask(Worker.device)
    assert not Path("slurm").exists()
