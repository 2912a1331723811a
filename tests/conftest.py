"""Tests run on every core, each process with one thread, as workers do, and keep what they compute apart."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import commandline
import confcopies
import mlflowcopies
import optunacopies
import postgres
import pytest
import unsynced
from hypothesis import settings

from study.core.command import GARBAGE
from study.core.folders import cache_folder

CACHE = pytest.StashKey[tuple[Path, Path]]()
os.environ["OMP_NUM_THREADS"] = "1"  # small products gain nothing from more; read when torch is imported
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each of the many processes would compile the suite and its tests
sys.dont_write_bytecode = False
gc.set_threshold(GARBAGE)  # searching a heap full of libraries for cycles takes half of the time of collecting tests
settings.register_profile("suite", deadline=None)  # the first example of a test may import a library
settings.load_profile("suite")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A process more than cores for folders of tests, many of which wait for processes of their own; none beside
    this one for single files, which would wait for them."""
    from study.launch.worker import cores

    named = [Path(argument.split("::")[0]) for argument in config.args]
    return 0 if all(path.suffix == ".py" for path in named) else cores() + 1


def pytest_configure(config: pytest.Config) -> None:
    """Give the tests a cache of their own, which begins with the user's data sets and models but no tensor."""
    if hasattr(config, "workerinput"):
        return  # one of xdist's processes: it was given that cache
    users, ours = cache_folder(), Path(tempfile.mkdtemp(prefix="lora-study-tests-"))
    for folder in users.iterdir() if users.is_dir() else ():
        if folder.is_dir() and folder.name != "tensors":
            (ours / folder.name).symlink_to(folder.resolve())
    config.stash[CACHE] = users, ours
    os.environ["LORA_STUDY_CACHE"] = str(ours)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of few tests come first: these take longest, and what begins last keeps the other processes waiting."""
    counts = Counter(item.path for item in items)
    items.sort(key=lambda item: counts[item.path])


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave libraries and tests out of what is searched for cycles."""
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Search nothing for cycles to say goodbye."""
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Hand what was fetched over to the user's cache, for the next time, and leave nothing else behind."""
    users, ours = config.stash.get(CACHE, (None, None))
    if users is None or ours is None:
        return
    users.mkdir(parents=True, exist_ok=True)
    for folder in ours.iterdir():
        if folder.is_dir() and not folder.is_symlink() and folder.name != "tensors":
            shutil.move(folder, users / folder.name)
    shutil.rmtree(ours)


@pytest.fixture(scope="session", autouse=True)
def _data_sets_are_prepared_in_a_folder_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ.setdefault("HF_DATASETS_CACHE", str(tmp_path_factory.mktemp("datasets")))  # read when it is imported


@pytest.fixture(scope="session", autouse=True)
def _what_is_written_beside_the_work_lies_in_a_folder_of_the_tests(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    with chdir(tmp_path_factory.mktemp("elsewhere")):  # MLflow's artifacts, as far as a store names no other place
        yield


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgres.Server]:
    """A server of PostgreSQL that is the tests' own."""
    programs = postgres.programs()
    if programs is None:
        pytest.skip("PostgreSQL's programs are not installed (Debian: apt install postgresql)")
    with postgres.serve(programs) as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def _databases_wait_for_no_disk() -> None:
    unsynced.install()


@pytest.fixture(scope="session", autouse=True)
def _packaged_configurations_are_copies() -> None:
    confcopies.install()


@pytest.fixture(autouse=True)
def _a_command_that_was_run_here_answers_no_more_signals() -> Iterator[None]:
    with commandline.signals_as_they_were():
        yield


@pytest.fixture(autouse=True)
def _new_databases_are_copies() -> None:
    mlflowcopies.install()
    optunacopies.install()
