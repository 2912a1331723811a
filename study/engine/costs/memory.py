"""Two honest numbers: what a configuration needs to train, and what the process really peaked at.

`memory/train_bytes` is counted: the model's weights and the optimizer state, plus what is alive at the
worst moment of one step on the longest batch (tensors saved for backward, gradients, intermediate
products). It is the same every time, and leaves libraries, workspaces and the allocator's slack out.
`memory/peak_bytes` is observed: on a GPU the allocator's peak during the member's training, on a CPU
the peak of the worker's whole resident memory (interpreter, libraries, data and model included).
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

CPU_REFUSAL = "DefaultCPUAllocator"  # in what torch says where a CPU's memory is not enough, as a plain RuntimeError
OPTIMIZER_TENSORS = 2  # AdamW keeps two moments per trained number


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was no memory for what was tried, of whichever device."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or CPU_REFUSAL in str(error)


def storage_bytes(tensors: Iterable[torch.Tensor]) -> int:
    """Bytes of the tensors' storages, shared storage once."""
    seen = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
    return sum(seen.values())


class LiveBytes(TorchDispatchMode):
    """While active, counts the bytes of new tensors that are alive; a storage counts once, views nothing.

    Tensors that existed before are not counted. Autograd's own work, forward and backward, is seen too.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._alive: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        before = {t.untyped_storage()._cdata for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)}
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                self._see(tensor.untyped_storage(), before)
        return out

    def _see(self, storage: torch.UntypedStorage, before: set[int]) -> None:
        """Count a new storage while it lives; nothing for one that is counted already or that was there `before`."""
        key, size = storage._cdata, storage.nbytes()
        if key in self._alive or key in before:
            return

        def forget(_: object) -> None:
            self.now -= size
            del self._alive[key]

        self._alive[key] = weakref.ref(storage, forget)
        self.now += size
        self.peak = max(self.peak, self.now)


def most_alive(work: Callable[[], object]) -> int:
    """The most bytes that tensors made during `work` hold at once."""
    live = LiveBytes()
    with live:
        work()
    return live.peak


def train_bytes(weights: Iterable[torch.Tensor], trained: list[torch.Tensor], step: int) -> int:
    """Bytes of weights (trained ones included), of optimizer state, and of `step`, what a step holds at its worst."""
    moments = OPTIMIZER_TENSORS * sum(t.numel() * t.element_size() for t in trained)
    return storage_bytes([*weights, *trained]) + moments + step


def reset_peak(device: torch.device) -> None:
    """Begin to observe the peak anew."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        clear = Path("/proc/self/clear_refs")
        if clear.exists():
            clear.write_text("5")


def peak_bytes(device: torch.device) -> int | None:
    """The observed peak since :func:`reset_peak`, or None where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    highest = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(highest[1]) * 1024 if highest else None
