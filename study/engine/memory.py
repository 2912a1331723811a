"""Two honest numbers: what a configuration needs to train, and what the process really peaked at.

`memory/train_bytes` is counted: the model's weights, the gradients and optimizer state of what
trains, and every tensor that autograd saves on the longest batch. It does not depend on the machine.
`memory/peak_bytes` is observed: on a GPU the allocator's peak during the member's training, on a CPU
the peak of the worker's whole resident memory (interpreter, libraries, data and model included).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import torch

OPTIMIZER_TENSORS = 2  # AdamW keeps two moments per trained number


def storage_bytes(tensors: Iterable[torch.Tensor]) -> int:
    """Bytes of the tensors' storages, shared storage once."""
    seen = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
    return sum(seen.values())


def saved_for_backward(forward: Callable[[], torch.Tensor], known: Iterable[torch.Tensor]) -> int:
    """Bytes that autograd saves during `forward`, shared storage once, `known` tensors not counted."""
    weights = {t.untyped_storage().data_ptr() for t in known}
    # The storages are kept alive until the end: a freed one's address could be counted under another name.
    saved: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        loss = forward()
        total = sum(s.nbytes() for s in saved.values())
        del loss
    return total


def train_bytes(weights: Iterable[torch.Tensor], trained: list[torch.Tensor], activations: int) -> int:
    """Weights (the trained ones included), gradients, optimizer state and saved activations."""
    return (
        storage_bytes([*weights, *trained])
        + (1 + OPTIMIZER_TENSORS) * sum(t.numel() * t.element_size() for t in trained)
        + activations
    )


def reset_peak(device: torch.device) -> None:
    """Start a new observation of the peak."""
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
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) * 1024 if found else None
