"""A worker as a Ray actor: what travels to the nodes of a cluster, and what stands for it in the driver."""

from __future__ import annotations

import os
import pickle
import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from study.core.versions import versions_of
from study.launch.worker import Worker

SAME = ("lora-study", "torch", "transformers", "numpy")  # packages on whose versions results depend


class Carrier:
    """A worker where Ray has put it, which takes and gives pickles, as a process on this machine would."""

    def __init__(self, pickled: bytes) -> None:
        self.worker: Worker = pickle.loads(pickled)

    def begin(self, gpus: float) -> tuple[str, dict[str, str]]:
        """The node's name and its packages' versions, once the worker has begun."""
        if not gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        self.worker.begin()
        return platform.node(), package_versions()

    def hear(self) -> None:
        """Nothing: who answers this is alive."""

    def answer(self, pickled: bytes) -> bytes:
        """The worker's answer and None, or None and the error."""
        try:
            question, arguments = pickle.loads(pickled)
            return pickle.dumps((question(self.worker, *arguments), None))
        except Exception as error:  # noqa: BLE001 -- it is raised where the question was asked
            return pickle.dumps((None, error))


@dataclass(eq=False)
class Seat:
    """A worker's place on the cluster, taken or still to be given; `actor` is Ray's handle of it.

    `failures` is how many workers in a row had died as they began when this one was made.
    """

    actor: Any
    failures: int
    heard: float = 0.0  # when it was last heard of
    watched: float = 0.0  # seconds that it has been seen at what it was asked last

    def ask(self, question: Callable[..., Any], *arguments: object) -> Any:
        """What stands for the answer to come."""
        self.watched = 0.0
        return self.actor.answer.remote(pickle.dumps((question, arguments)))


def package_versions() -> dict[str, str]:
    """The versions here of what results depend on."""
    return versions_of(SAME, otherwise="as a folder")
