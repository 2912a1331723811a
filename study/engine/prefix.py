"""The frozen prefix: below the lowest adapted block nothing changes, so its work is done once.

The host model's own code runs in both halves: a hook on a block reads what enters it, and later the
blocks below are left out while the same hook hands the kept hidden states in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from study.models import blocks


class _Reached(Exception):
    """The wanted block has been reached; nothing above it needs to run."""


@dataclass(frozen=True)
class Ragged:
    """Hidden states of every example, without padding, one after the other [Σ T, hidden]."""

    values: torch.Tensor
    starts: np.ndarray
    lengths: np.ndarray

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.values.numel() * self.values.element_size()

    def batch(self, positions: np.ndarray, longest: int) -> torch.Tensor:
        """Hidden states [n, longest, hidden] of the examples at `positions`, zero beyond their ends."""
        out = self.values.new_zeros(len(positions), longest, self.values.shape[1])
        for row, i in enumerate(positions):
            out[row, : self.lengths[i]] = self.values[self.starts[i] : self.starts[i] + self.lengths[i]]
        return out


@torch.no_grad()
def entering(backbone: nn.Module, block: int, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The hidden states [n, T, hidden] that enter the block of that index."""
    seen: list[torch.Tensor] = []

    def stop(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        seen.append(args[0] if args else kwargs["hidden_states"])
        raise _Reached

    handle = blocks(backbone)[1][block].register_forward_pre_hook(stop, with_kwargs=True)
    try:
        backbone(input_ids=ids, attention_mask=mask)
    except _Reached:
        return seen[0]
    finally:
        handle.remove()
    raise RuntimeError(f"block {block} of {type(backbone).__name__} was never reached")


@contextmanager
def resumed(backbone: nn.Module, block: int, hidden: torch.Tensor) -> Iterator[None]:
    """While open, the backbone starts at `block` with these hidden states instead of its own."""
    name, layers = blocks(backbone)
    parent, _, attribute = name.rpartition(".")
    owner = backbone.get_submodule(parent)

    def hand_in(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return ((hidden, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": hidden})

    handle = layers[block].register_forward_pre_hook(hand_in, with_kwargs=True)
    setattr(owner, attribute, layers[block:])
    try:
        yield
    finally:
        setattr(owner, attribute, layers)
        handle.remove()
