"""Studies on several machines, each with an address, processes and a disk of its own, by the launchers' recipes."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import DEVNULL, PIPE, CompletedProcess

import machines
import pytest
import slurms
from machines import HOME, Machine
from tables import reviews, write_csv
from tiny import save_model

from study.core.errors import ConfigError
from study.search.stored import find, folds_of

pytestmark = pytest.mark.skipif(
    not machines.possible(), reason="a machine is a set of namespaces, which needs root on Linux"
)
ROOT = Path(__file__).parents[2]
PATIENCE = 900.0  # seconds, on a machine that does much else
LORA_STUDY = (sys.executable, "-m", "study")
STUDY = (
    "task=file", "task.path=reviews.csv", "task.text=review", "task.label=stars", f"model.name={HOME}/model",
    "model.precision=float32", "train.lr=1e-2", "train.epochs=20", "method.rank=1,2,4,8", "method.layers=all,top-1",
    "study.trials=9", "study.folds=3", "search.baselines=[head]", "tracking=off",
)  # fmt: skip
Scores = dict[tuple[int, int], float | None]


@pytest.fixture
def everywhere() -> Iterator[Path]:
    """A folder that every machine sees, with a model and a table in it."""
    folder = Path(tempfile.mkdtemp(prefix="study-", dir="/var/tmp"))
    save_model(folder / "model")
    write_csv(folder / "reviews.csv", reviews(60))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def three(everywhere: Path) -> Iterator[list[Machine]]:
    """Machines on whose own disks the model lies."""
    path = f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
    with machines.network(3) as made:
        for machine in made:
            machine.environment = {"PYTHONPATH": str(ROOT), "PATH": path}
            copy(machine, everywhere / "model", HOME)
        yield made


def copy(machine: Machine, path: Path | str, place: Path | str) -> None:
    """Put a file or a folder onto the machine's own disk, or from there to where every one sees it."""
    machine.run("cp", "-r", str(path), str(place)).check_returncode()


def said(done: CompletedProcess[str]) -> str:
    """What a command said that went well."""
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def study(machine: Machine, folder: str, *overrides: str) -> CompletedProcess[str]:
    return machine.run(*LORA_STUDY, *STUDY, *overrides, folder=folder, capture_output=True, timeout=PATIENCE)


def scores(folder: Path, name: str) -> Scores:
    """Every fold's score to the last bit, of the store in the folder; none where the study has not begun."""
    try:
        stored, _ = find(f"sqlite:///{folder / 'lora-study.db'}", name)
    except ConfigError:
        return {}
    return {(t.number, k): fold.score for t in stored.get_trials(deepcopy=False) for k, fold in folds_of(t).items()}


def wait_for_folds(machine: Machine, everywhere: Path, name: str, count: int) -> None:
    """Until a study, whose store lies on the machine's own disk, has as many folds."""
    backup = "import sqlite3, sys; sqlite3.connect('lora-study.db').backup(sqlite3.connect(sys.argv[1]))"
    until = time.monotonic() + PATIENCE
    while len(scores(everywhere, name)) < count:
        assert time.monotonic() < until
        machine.run("python", "-c", backup, str(everywhere / "lora-study.db"), stderr=DEVNULL)
        time.sleep(0.2)


def join(head: Machine, *others: Machine) -> None:
    """A Ray cluster by its recipe, which asks for its token; a core on every machine but the first one."""
    for machine in (head, *others):
        machine.environment = {**machine.environment, "RAY_AUTH_MODE": "token"}
    said(head.run("ray", "get-auth-token", "--generate", capture_output=True))
    token = head.run("cat", f"{HOME}/.ray/auth_token", capture_output=True).stdout
    said(head.run("ray", "start", "--head", "--port=6379", "--num-cpus=0", capture_output=True))
    for machine in others:
        said(machine.run("sh", "-c", 'mkdir .ray && printf %s "$0" > .ray/auth_token', token, capture_output=True))
        said(machine.run("ray", "start", f"--address={head.address}:6379", "--num-cpus=1", capture_output=True))


SERVE = "import socket; print(socket.create_server(('', 7000)).accept()[1][0])"  # who came
REACH = "import socket, sys; socket.create_connection((sys.argv[1], 7000), 5)"


def test_machines_reach_each_other_by_name_and_share_neither_disk_nor_processes() -> None:
    with machines.network(2) as (first, second):
        serving = first.begin("python3", "-c", SERVE, stdout=PIPE)
        while second.run("python3", "-c", REACH, first.name, stderr=DEVNULL).returncode:
            assert serving.poll() is None
        assert serving.communicate()[0] == f"{second.address}\n"
        first.run("touch", "mine")
        assert second.run("ls", capture_output=True).stdout == ""
        assert first.run("hostname", capture_output=True).stdout == "machine1\n"
        left = second.begin("sleep", "1000")
        second.switch_off()
        assert left.wait(PATIENCE) != 0


@pytest.mark.long
def test_a_study_on_a_ray_cluster_of_machines_outlives_one_and_is_the_study_of_one_machine(
    three: list[Machine], everywhere: Path
) -> None:
    head, desk, node = three
    copy(desk, everywhere / "reviews.csv", HOME)
    said(study(desk, HOME, "study.name=here", "launcher.workers=1"))
    join(head, desk, node)
    there = ("study.name=there", "launcher=ray", f"launcher.address={head.address}:6379")
    running = desk.begin(*LORA_STUDY, *STUDY, *there, stdout=DEVNULL, stderr=DEVNULL)
    wait_for_folds(desk, everywhere, "there", 8)
    node.switch_off()
    assert running.wait(PATIENCE) == 0
    copy(desk, f"{HOME}/lora-study.db", everywhere)
    assert scores(everywhere, "there") == scores(everywhere, "here")
    assert len(scores(everywhere, "there")) == 27


@pytest.mark.long
def test_a_ray_cluster_that_asks_for_a_token_which_is_not_there_says_so(three: list[Machine], everywhere: Path) -> None:
    head, stranger, _ = three
    join(head)
    copy(stranger, everywhere / "reviews.csv", HOME)
    done = study(stranger, HOME, "study.name=there", "launcher=ray", f"launcher.address={head.address}:6379")
    *rays, line = done.stderr.splitlines()
    assert {"InvalidAuthToken" in each for each in rays} <= {True}  # which Ray itself says at each of its tries
    assert (done.returncode, line.startswith("lora-study: launcher.address=10.0.0.1:6379: no Ray cluster")) == (2, True)
    assert "set RAY_AUTH_MODE=token" in line


@pytest.mark.long
@pytest.mark.skipif(slurms.programs() is None, reason="Slurm is not installed")
def test_a_study_on_a_slurm_of_machines_with_gpus_is_the_study_of_one_machine(
    three: list[Machine], everywhere: Path
) -> None:
    login, *nodes = three
    said(study(login, str(everywhere), "study.name=here", "launcher.workers=1"))
    given = ("launcher.gpus_per_node=1", "launcher.mem_gb=16", "launcher.partition=short", "launcher.workers=32")
    there = ("study.name=there", "launcher=slurm", "launcher.parameters={account: mine}", "engine.pack=3", *given)
    with slurms.serve_on(slurms.programs() or {}, login, *nodes):
        said(study(login, str(everywhere), *there))
        while login.run("squeue", "--noheader", capture_output=True).stdout:  # the last job ends by itself
            time.sleep(0.5)
    assert scores(everywhere, "there") == scores(everywhere, "here")
    assert len(scores(everywhere, "there")) == 27
