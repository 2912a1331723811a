"""Tests run on every core, each process with one thread, as workers do, and keep what they compute apart."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import mlflowcopies
import pytest
import unsynced
from hypothesis import settings

from study.core.folders import cache_folder

CACHE = pytest.StashKey[tuple[Path, Path]]()
os.environ["OMP_NUM_THREADS"] = "1"  # small products gain nothing from more; read when torch is imported
settings.register_profile("suite", deadline=None)  # the first example of a test may import a library
settings.load_profile("suite")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A process a core for folders of tests, and none beside this one for single files, which would wait for them."""
    from study.launch.worker import cores

    named = [Path(argument.split("::")[0]) for argument in config.args]
    return 0 if all(path.suffix == ".py" for path in named) else cores()


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


@pytest.fixture(scope="session", autouse=True)
def _databases_wait_for_no_disk() -> None:
    unsynced.install()


@pytest.fixture(autouse=True)
def _databases_of_mlflow_are_copies() -> None:
    mlflowcopies.install()
