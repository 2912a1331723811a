"""Tests compute with one thread, as workers do: small products gain nothing from more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import chdir

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("suite", deadline=None)  # the first example of a test may import a library
settings.load_profile("suite")


@pytest.fixture(scope="session", autouse=True)
def _data_sets_are_prepared_in_a_folder_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ.setdefault("HF_DATASETS_CACHE", str(tmp_path_factory.mktemp("datasets")))  # read when it is imported


@pytest.fixture(scope="session", autouse=True)
def _what_is_written_beside_the_work_lies_in_a_folder_of_the_tests(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    with chdir(tmp_path_factory.mktemp("elsewhere")):  # MLflow's artifacts, as far as a store names no other place
        yield
