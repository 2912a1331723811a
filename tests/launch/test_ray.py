"""Workers on a Ray cluster: nodes come and go, and the study is the one of a single machine."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rays
from deadly import Poison, Stuck
from tiny import configuration, letters, member_of, save_model

from study.config.members import Member
from study.config.schema import EngineConfig, ModelConfig
from study.core.errors import ConfigError, StudyError
from study.core.records import Epoch, FoldResult
from study.launch import Worker
from study.launch.local import LocalLauncher
from study.launch.ray import RayLauncher

Outcomes = dict[tuple[int, int], tuple[float | None, tuple[Epoch, ...], object]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelConfig:
    return ModelConfig(name=str(save_model(tmp_path_factory.mktemp("model"))))


@pytest.fixture
def members(model: ModelConfig) -> list[Member]:
    small = replace(configuration(batch_size=4, layers="top-1"), model=model)
    return [
        member_of(t, f, replace(small, method=replace(small.method, rank=1 + t)), 7) for t in range(3) for f in (0, 1)
    ]


def worker() -> Worker:
    return Worker(letters(), EngineConfig())


def outcomes(results: list[FoldResult]) -> Outcomes:
    """Score, losses and answers to the last bit by member, each once."""
    assert len({(r.trial, r.fold) for r in results}) == len(results)
    assert all(r.error is None for r in results)
    return {(r.trial, r.fold): (r.score, r.epochs, r.answers and r.answers.to_text()) for r in results}


def singly(members: list[Member]) -> list[list[Member]]:
    return [[member] for member in members]


def test_a_worker_on_a_cluster_trains_what_one_on_this_machine_does(members: list[Member]) -> None:
    results = []
    for launcher in (LocalLauncher(1), RayLauncher(rays.address(), 1)):
        with launcher.start(worker()):
            results.append(outcomes(list(launcher.run(singly(members[:2])))))
    assert results[0] == results[1]


def entries(cache: Path) -> set[str]:
    """What a node has computed and kept."""
    return {stamp.parent.name for stamp in cache.glob("tensors/*/stamp.json")}


@pytest.mark.long
def test_what_a_lost_node_trained_is_trained_elsewhere_and_equals_a_single_machines(
    members: list[Member], tmp_path: Path
) -> None:
    with LocalLauncher(1).start(worker()) as launcher:
        expected = list(launcher.run(singly(members)))
    stuck = replace(members[0], configuration=Stuck(members[0].configuration, tmp_path))  # type: ignore[arg-type]
    results: list[FoldResult] = []
    with rays.cluster(tmp_path, 1, 1) as cluster, RayLauncher(cluster.address).start(worker()) as launcher:
        for result in launcher.run([[stuck], *singly(members[1:])]):
            results.append(result)
            if len(results) == len(members) - 1:  # all but what keeps its worker for ever
                assert launcher.workers == 2
                lost = Path((tmp_path / "0.stuck").read_text().splitlines()[1])
                (node,) = [n for n in cluster.worker_nodes if n._ray_params.env_vars["LORA_STUDY_CACHE"] == str(lost)]
                cluster.remove_node(node, allow_graceful=False)
        rays.add_node(cluster, tmp_path / "2", 2)
        for _ in range(1000):  # the new node's workers take a while to begin
            again = list(launcher.run(singly(members)))
            if entries(tmp_path / "2"):
                break
        assert launcher.workers == 3
    assert outcomes(results) == outcomes(expected) == outcomes(again)
    assert len(expected) == len(members)
    # Each node has computed what is frozen for itself, under the same keys.
    assert entries(tmp_path / "2") & entries(tmp_path / str(1 - int(lost.name)))


@pytest.mark.long
def test_a_cluster_without_nodes_left_ends_the_study_in_one_line(members: list[Member], tmp_path: Path) -> None:
    with rays.cluster(tmp_path, 1) as cluster, RayLauncher(cluster.address, 1, wait=15).start(worker()) as launcher:
        running = launcher.run(singly(members))
        assert next(running).error is None
        (node,) = cluster.worker_nodes
        cluster.remove_node(node, allow_graceful=False)
        with pytest.raises(
            StudyError, match=r"launcher.wait=15: no worker of 1 CPU and 0 GPU .* 0 CPU, 0 GPU on 1 node;"
        ):
            list(running)
        rays.add_node(cluster, tmp_path / "new", 1)
        assert len(list(launcher.run(singly(members)))) == len(members)


@pytest.mark.long
def test_workers_that_cannot_begin_end_the_study_in_one_line(members: list[Member]) -> None:
    with (
        pytest.raises(StudyError, match="launcher=ray: a worker cannot begin on the cluster"),
        RayLauncher(rays.address(), 1).start(Poison()) as launcher,  # type: ignore[arg-type]
    ):
        list(launcher.run(singly(members)))


def test_where_nothing_listens_there_is_no_cluster(unused_tcp_port: int) -> None:
    address = f"127.0.0.1:{unused_tcp_port}"
    with pytest.raises(
        StudyError, match=f"launcher.address={address}: no Ray cluster answers there .*; start one, write another"
    ):
        RayLauncher(address).start(worker())


@pytest.fixture
def unused_tcp_port() -> int:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("address", 7, "is no address"),
        ("address", "", "is no address"),
        ("workers", 0, "at least one must train"),
        ("workers", True, "at least one must train"),
        ("workers", 1.5, "at least one must train"),
        ("cpus", 0, "a worker needs a core"),
        ("cpus", "all", "a worker needs a core"),
        ("gpus", -1, "neither a number of GPUs"),
        ("gpus", 1.5, "neither a number of GPUs"),
        ("wait", 0, "no time to wait"),
        ("runtime_env", "here", "none of Ray's"),
    ],
)
def test_arguments_that_cannot_be_are_refused_where_nothing_has_started(key: str, value: Any, rule: str) -> None:
    with pytest.raises(ConfigError, match=f"launcher.{key}={value}: .*{rule}"):
        RayLauncher(**{key: value})


def test_without_ray_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find: Callable[..., Any] = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "ray" else find(name, *more))
    with pytest.raises(
        ConfigError, match=r'launcher=ray: needs ray, which is not installed; pip install "lora-study\[ray\]"'
    ):
        RayLauncher()


def test_what_was_made_and_not_started_holds_nothing() -> None:
    launcher = RayLauncher()
    launcher.close()
    with pytest.raises(RuntimeError, match="a launcher starts before it is given work"):
        launcher.ask(Worker.device)
