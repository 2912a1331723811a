"""What a process that trains does, whichever launcher carries it."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from study.core.alone import AloneCosts

if TYPE_CHECKING:
    from study.config.members import Member
    from study.config.schema import EngineConfig, ModelConfig
    from study.core.records import FoldResult
    from study.data.study_data import StudyData
    from study.engine.workbench import Workbench


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass
class Worker:
    """Trains packs of a study on one device, and measures there what depends on the device.

    Made by the driver, picklable until it has begun, and begun once in the process that does the work: :meth:`begin`
    comes before every other method. `model` is what most members will want, which is then loaded while others wait.
    """

    data: StudyData
    engine: EngineConfig
    model: ModelConfig | None = None
    _bench: Workbench | None = field(default=None, repr=False)

    def begin(self, place: int = 0) -> None:
        """Make this process a worker of one thread; of several GPUs it takes the one at that `place`."""
        import torch
        import transformers

        from study.engine.problems import problem_of
        from study.engine.workbench import Workbench, default_device

        torch.set_num_threads(1)
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        self._bench = Workbench(self.data, default_device(place), self.engine)
        if self.model is not None and self.model.precision != "auto":
            with suppress(Exception):  # the members that want it will say what is wrong
                problem_of(self.data.examples).prepare(self._bench, self.model)

    @property
    def bench(self) -> Workbench:
        """What the process holds between packs."""
        if self._bench is None:
            raise RuntimeError("a worker begins before it is asked anything")
        return self._bench

    def train(self, pack: list[Member]) -> list[FoldResult]:
        """The members' results, in their order; what cannot be trained brings its error."""
        from study.engine.train import train_pack

        return train_pack(pack, self.bench)

    def pack_size(self, member: Member, count: int) -> int:
        """How many of `count` members like this one pay in one pack on this device: a measurement.

        On a CPU every core wants a pack of its own: cores of the machine, not workers, which must change nothing.
        """
        from study.engine.costs.probe import pack_size

        most = count // cores() if self.bench.device.type == "cpu" else count
        if most < 2:
            return 1
        try:
            return pack_size(member, most, self.bench)
        except Exception:  # noqa: BLE001 -- a member that cannot train says why in its own result
            return 1

    def costs_alone(self, members: list[Member], folds: int, seconds: float) -> list[AloneCosts]:
        """What the members' configurations cost on this device while nothing else of the study's runs: a measurement.

        It takes about so many seconds for each; the training time is that of the study's first `folds` folds.
        """
        from study.engine.costs.alone import costs_alone

        return costs_alone(members, self.bench, folds, seconds)

    def precision(self) -> str:
        """The `model.precision` that multiplies faster on this device: a measurement."""
        from study.engine.costs.probe import precision

        return precision(self.bench.device)

    def device(self) -> str:
        """What a person calls the device: the GPU's own name, or cpu."""
        from study.engine.workbench import name_of

        return name_of(self.bench.device)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_bench": None}  # a worker that travels begins where it arrives
