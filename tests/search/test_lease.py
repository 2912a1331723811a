"""One driver owns a study: whoever comes second is told who has it, and a dead owner is replaced by exactly one."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from commandline import call

from study.commands import study as cli
from study.config.schema import StorageConfig, StudyConfig, StudySettings
from study.search import lease
from study.search.lease import Lease, StudyTaken, _born, hold, refuse_taken
from study.search.storage import storage

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> StudyConfig:
    address = f"sqlite:///{tmp_path}/study.db"
    if request.param == "postgresql":
        address = request.getfixturevalue("postgresql").database()
    storage(address)
    return StudyConfig(StudySettings(name="mine"), storage=StorageConfig(url=address))


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Owners that give a sign of life every moment, and are watched for a few moments."""
    monkeypatch.setattr(lease, "BEAT", 0.05)


@pytest.fixture
def patient(hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As hasty, but an owner is watched until it gives a sign of life, however slow the machine is."""
    monkeypatch.setattr(lease, "WATCHED", 1200)


def fall_asleep(owned: Lease) -> None:
    """Let the owner give no sign of life any more."""
    owned.ended.set()
    for thread in threading.enumerate():
        if thread.name == "lease":
            thread.join(60)


def an_owner(config: StudyConfig, **values: object) -> None:
    """Leave a lease behind, of the host and process that are given."""
    left = Lease(storage(config.storage.url).engine, config)
    row = {**left._row(), **values}
    with left.engine.begin() as connection:
        connection.execute(left.table.insert().values(study=config.study.name, **row))


def rush(config: StudyConfig, count: int = 8) -> list[str]:
    """What becomes of as many that want the study at once; those who have it keep it until all have asked."""
    outcomes, start, done = [], threading.Barrier(count), threading.Barrier(count)

    def want() -> None:
        start.wait()
        try:
            with hold(config):
                outcomes.append("owns")
                done.wait()
        except StudyTaken as error:
            outcomes.append(str(error))
            done.wait()

    threads = [threading.Thread(target=want) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_of_eight_at_once_one_owns_the_study_and_seven_are_told_who_does(config: StudyConfig) -> None:
    outcomes = sorted(rush(config))
    assert outcomes.count("owns") == 1
    here = re.escape(f"study.name=mine: is being run by process {os.getpid()} on {socket.gethostname()} since ")
    assert all(re.match(here, outcome) for outcome in outcomes if outcome != "owns")
    assert rush(config, 2).count("owns") == 1  # it was released, and can be had again


def test_another_study_of_the_same_store_is_nobodys(config: StudyConfig) -> None:
    other = StudyConfig(StudySettings(name="other"), storage=config.storage)
    with hold(config), hold(other):
        refuse_taken(StudyConfig(StudySettings(name="third"), storage=config.storage))
        with pytest.raises(StudyTaken, match=r"study\.name=other"):
            refuse_taken(other)


@pytest.mark.parametrize("born", ["", "1"])
def test_of_a_dead_owner_exactly_one_takes_over(config: StudyConfig, born: str) -> None:
    """A process that is no more, or a number that another process has by now."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    an_owner(config, process=os.getpid() if born else ended.pid, born=born)
    refuse_taken(config)
    assert rush(config).count("owns") == 1


def test_an_owner_that_has_been_killed_and_whose_end_nobody_has_asked_for_is_dead(config: StudyConfig) -> None:
    """As in a container whose first process asks for nobody's."""
    with subprocess.Popen(["sleep", "60"]) as owner:
        an_owner(config, process=owner.pid, born=_born(owner.pid))
        with pytest.raises(StudyTaken):
            refuse_taken(config)
        owner.kill()
        os.waitid(os.P_PID, owner.pid, os.WEXITED | os.WNOWAIT)
        assert rush(config).count("owns") == 1


@pytest.mark.usefixtures("hasty")
def test_of_a_silent_owner_elsewhere_exactly_one_takes_over(config: StudyConfig) -> None:
    an_owner(config, host="elsewhere", seen=time.time() - 100)
    assert rush(config).count("owns") == 1


def test_an_owner_elsewhere_that_has_just_been_heard_of_is_not_replaced(config: StudyConfig) -> None:
    an_owner(config, host="elsewhere", process=7)
    for want in (refuse_taken, lambda config: hold(config).__enter__()):
        with pytest.raises(StudyTaken, match="process 7 on elsewhere"):
            want(config)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("hours", [-3, 3])
def test_an_owner_whose_clock_is_wrong_keeps_the_study_while_it_lives(config: StudyConfig, hours: float) -> None:
    """What its clock says proves nothing; a beat that comes while it is watched does."""
    with hold(config) as owned:
        table = owned.table
        for _ in range(2):
            with owned.engine.begin() as connection:
                connection.execute(table.update().values(seen=time.time() + 3600 * hours, host="elsewhere"))
            assert rush(config, 2).count("owns") == 0
        owned.check()


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("awake_first", ["renewal", "driver"])
def test_an_owner_that_was_replaced_hears_of_it(config: StudyConfig, awake_first: str) -> None:
    with hold(config) as slept:
        fall_asleep(slept)
        with slept.engine.begin() as connection:
            connection.execute(slept.table.update().values(host="elsewhere", seen=0.0))
        with hold(config) as owned:
            if awake_first == "renewal":
                slept.ended.clear()
                slept._renew()
            with pytest.raises(StudyTaken, match=r"was silent for so long that process \d+ on .* took the study over"):
                slept.check()
            slept.release()  # which takes nothing from the other
            owned.check()
            assert rush(config, 2).count("owns") == 0


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_the_same_command_twice_ends_the_second_with_one_line_and_touches_nothing(config: StudyConfig) -> None:
    folder = Path(config.storage.url.removeprefix("sqlite:///")).parent
    arguments = ["study.name=mine", f"storage.url={config.storage.url}", "task.limit=60", "study.trials=1"]
    with hold(config):
        before = {path.name: path.stat().st_size for path in folder.iterdir()}
        done = call(cli.main, folder, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        assert f"process {os.getpid()} on {socket.gethostname()}" in done.stderr
        assert "look on with `mlflow ui` or `lora-report study=mine`" in done.stderr
        assert {path.name: path.stat().st_size for path in folder.iterdir()} == before


@pytest.mark.long
def test_stores_of_one_folder_are_made_one_after_the_other(tmp_path: Path) -> None:
    """Two studies that are begun at once make MLflow's store together."""
    code = (
        "import sys; from study.record.client import make_client\n"
        "client = make_client(sys.argv[1]); print(client.get_experiment_by_name('Default').experiment_id)"
    )
    command = [sys.executable, "-c", code, f"sqlite:///{tmp_path}/mlflow.db"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "MLFLOW_DISABLE_TELEMETRY": "true"}
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) for _ in "12"]
    outcomes = [(process.communicate()[0].strip(), process.returncode) for process in both]
    assert outcomes == [("0", 0), ("0", 0)]
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]
