"""Ray clusters of this machine, for tests: what begins one waits for seconds, so that it is shared where it can be."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from study.launch import rayhead
from study.launch.crew import Needs

CORES = 4  # more than the machine may have: nobody is in a hurry
# Seconds until a node counts as lost; not so few that a busy machine loses one by itself.
HEALTH = {"initial_delay_ms": 1000, "period_ms": 1000, "timeout_ms": 10000, "failure_threshold": 3}


def address() -> str:
    """Where this process's one cluster listens; it ends with the process."""
    return head().address()


@cache
def head() -> rayhead.RayHead:
    with pytest.MonkeyPatch.context() as patch:
        import_tests(patch)
        return rayhead.RayHead(Needs(CORES, 1, 0, 60))


def import_tests(patch: pytest.MonkeyPatch) -> None:
    """Let processes to come import what lies beside this file."""
    folders = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    patch.setenv("PYTHONPATH", os.pathsep.join(folders))


@contextmanager
def cluster(caches: Path, *cores: int) -> Iterator[Any]:
    """A cluster whose first node has no core, and so many others, each with a cache folder of its own."""
    rayhead.quieten()
    rayhead.keep_to_loopback(True)
    from ray.cluster_utils import Cluster

    settings = {f"health_check_{name}": value for name, value in HEALTH.items()}
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    made = None
    with pytest.MonkeyPatch.context() as patch:
        import_tests(patch)
        patch.setenv("RAY_TMPDIR", folder)
        head = {"num_cpus": 0, "include_dashboard": False, "_system_config": settings}
        try:
            made = Cluster(initialize_head=True, head_node_args=head)
            for number, count in enumerate(cores):
                add_node(made, caches / str(number), count)
            yield made
        finally:
            if made is not None:
                made.shutdown()
            shutil.rmtree(folder, ignore_errors=True)


def add_node(made: Any, cache: Path, cores: int) -> Any:
    return made.add_node(num_cpus=cores, env_vars={"LORA_STUDY_CACHE": str(cache)})
