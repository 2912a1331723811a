"""Tests run on every core, and each process of theirs computes with one thread, as workers do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from hypothesis import settings

os.environ["OMP_NUM_THREADS"] = "1"  # small products gain nothing from more; read when torch is imported
settings.register_profile("suite", deadline=None)  # the first example of a test may import a library
settings.load_profile("suite")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A process a core for folders of tests, and none beside this one for single files, which would wait for them."""
    from study.launch.local import cores

    named = [Path(argument.split("::")[0]) for argument in config.args]
    return 0 if all(path.suffix == ".py" for path in named) else cores()


@pytest.fixture(scope="session", autouse=True)
def _data_sets_are_prepared_in_a_folder_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ.setdefault("HF_DATASETS_CACHE", str(tmp_path_factory.mktemp("datasets")))  # read when it is imported


@pytest.fixture(scope="session", autouse=True)
def _what_is_written_beside_the_work_lies_in_a_folder_of_the_tests(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    with chdir(tmp_path_factory.mktemp("elsewhere")):  # MLflow's artifacts, as far as a store names no other place
        yield
