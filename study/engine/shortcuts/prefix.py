"""The frozen prefix: below the lowest adapted block nothing changes, so its work is done once.

The host model's own code runs in both halves: a hook on a block reads what enters it, and later the
blocks below hand their input through while the same hook puts the kept hidden states in. How a backbone
can be cut, and whether the cut changes nothing, is found by trying it on a few tokens: an architecture
that nobody foresaw is trained whole, not wrongly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from study.engine.shortcuts.equivalence import computes_the_same, probe_tokens
from study.models.encoders import blocks


class _Reached(Exception):
    """The wanted block has been reached; nothing above it needs to run."""


@dataclass(frozen=True)
class Cut:
    """How a backbone runs without the blocks below one of its blocks.

    `outputs` is how many values a block returns as a tuple, 0 where it returns its hidden states alone. `first_runs`:
    the first block does run, because the others need more of it than hidden states (T5's only table of relative
    positions is there).
    """

    outputs: int
    first_runs: bool = False


@torch.no_grad()
def entering_states(backbone: nn.Module, block: int, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Hidden states [n, T, hidden] that enter the block of that index; nothing above it runs."""
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
def resume_at(backbone: nn.Module, block: int, hidden: torch.Tensor, cut: Cut) -> Iterator[None]:
    """While open, the backbone starts at `block` with these hidden states instead of its own."""
    layers = blocks(backbone)[1]

    def hand_in(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return ((hidden, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": hidden})

    skipped = layers[1:block] if cut.first_runs else layers[:block]
    others: list[Any] = [None] * (cut.outputs - 1)  # what a block returns beside hidden states

    def hand_through(*args: Any, **kwargs: Any) -> Any:
        states = args[0] if args else kwargs["hidden_states"]
        return (states, *others) if cut.outputs else states

    def keep(_: nn.Module, __: Any, out: Any) -> None:
        others[:] = out[1:]

    handles = [layers[block].register_forward_pre_hook(hand_in, with_kwargs=True)]
    if cut.first_runs:
        handles.append(layers[0].register_forward_hook(keep))
    for layer in skipped:
        layer.forward = hand_through  # an instance's attribute stands before its class's method
    try:
        yield
    finally:
        for layer in skipped:
            del layer.forward
        for handle in handles:
            handle.remove()


def find_cut(backbone: nn.Module, block: int) -> Cut | None:
    """The cheapest cut below `block` with which the backbone computes what it computes whole, or None."""
    ids, mask = probe_tokens(backbone)
    hidden, outputs = entering_states(backbone, block, ids, mask), _outputs(backbone, ids, mask)
    for cut in (Cut(outputs), Cut(outputs, first_runs=True)):
        if cut.first_runs and (block == 1 or not outputs):
            continue
        if computes_the_same(backbone, partial(resume_at, backbone, block, hidden, cut)):
            return cut
    return None


def _outputs(backbone: nn.Module, ids: torch.Tensor, mask: torch.Tensor) -> int:
    """How many values a block returns as a tuple; 0 where it returns its hidden states alone."""
    seen: list[Any] = []
    handle = blocks(backbone)[1][0].register_forward_hook(lambda _m, _a, out: seen.append(out))
    try:
        with torch.no_grad():
            backbone(input_ids=ids, attention_mask=mask)
    finally:
        handle.remove()
    return len(seen[0]) if isinstance(seen[0], tuple) else 0
