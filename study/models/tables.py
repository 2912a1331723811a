"""What a text model can look up: how many token ids it knows, and how many positions.

Found by trying it: the model, of which no weight is there, reads three tokens, all alike, as far as its first block.
A table that is asked for the token three times holds tokens; one that is asked for three places in a row holds
positions, and where it begins to count is seen too. So no family of models has to be known by name.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from study.models.encoders import stacks
from study.models.geometry import Tables

TRIED = 3  # tokens that are read
COUNTING = "position_ids"  # what transformers calls the places 0, 1, 2 … that a model keeps


def tables(backbone: nn.Module) -> tuple[Tables, ...]:
    """The tables of each of the model's stacks; the model may be on the meta device."""
    model: Any = backbone
    parts = {"encoder": "get_encoder", "decoder": "get_decoder"}
    out = []
    for stack in stacks(backbone):
        reader = getattr(model, parts[stack.part])() if stack.part else getattr(model, "base_model", model)
        out.append(Tables(stack.part, *_bounds(reader, stack.blocks[0])))
    return tuple(out)


class _Reached(Exception):
    """The first block has been reached: what it is given has been looked up."""


class _Lookups(TorchFunctionMode):
    """While open, weights that are not there count as zeros, and what is looked up in a table is written down."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[list[int], int]] = []

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is F.embedding:
            return self._looked_up(*args[:2])
        return function(*_zeros(tuple(args)), **{name: _zeros(value) for name, value in (kwargs or {}).items()})

    def _looked_up(self, index: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        """Zeros in place of the table's rows; the lookup is written down unless its form shows that it is relative."""
        # A row of a batch, or the places themselves; what has another form is relative.
        if index.shape[0] in (1, index.numel()):
            self.seen.append((index.flatten()[:TRIED].tolist(), len(table)))
        return torch.zeros(()).expand(*index.shape, table.shape[1])


def _zeros(value: Any) -> Any:
    """Zeros that take no memory for a tensor of the meta device, also inside a list."""
    if isinstance(value, (tuple, list)):
        return type(value)(map(_zeros, value))
    missing = isinstance(value, torch.Tensor) and value.is_meta
    return torch.zeros((), dtype=value.dtype).expand(value.shape) if missing else value


def _bounds(reader: Any, first: nn.Module) -> tuple[int | None, int | None]:
    """How many token ids and positions a stack can look up; `first` is its first block."""
    token = 2 if getattr(reader.config, "pad_token_id", None) != 2 else 3  # padding has no place of its own
    kept = _count(reader)
    seen = _look_up(reader, first, torch.full((1, TRIED), token))
    tokens = [rows for index, rows in seen if index == [token] * TRIED]
    positions = [rows - index[0] for index, rows in seen if index == [*range(index[0], index[0] + TRIED)]]
    return min(tokens, default=None), min([*positions, *kept]) if positions else None


def _count(reader: nn.Module) -> list[int]:
    """How many positions the stack numbers, for each list of positions that it keeps.

    On the meta device those lists have no values, so they are given the ones that they would have.
    """
    kept = [(name, places) for name, places in reader.named_buffers() if name.rpartition(".")[2] == COUNTING]
    for name, places in kept:
        if places.is_meta:
            counted = torch.arange(places.shape[-1]).expand(places.shape)
            reader.get_submodule(name.rpartition(".")[0]).register_buffer(COUNTING, counted, persistent=False)
    return [places.shape[-1] for _, places in kept]


@torch.no_grad()
def _look_up(reader: Any, first: nn.Module, ids: torch.Tensor) -> list[tuple[list[int], int]]:
    """The lookups of these ids before the first block, each with its first few indices and its table's rows."""

    def stop(*_: object) -> None:
        raise _Reached

    handle, lookups = first.register_forward_pre_hook(stop), _Lookups()
    # A model that cannot be tried so, whatever it then raises, has told what it had looked up by then.
    with suppress(Exception), lookups:
        reader(input_ids=ids)
    handle.remove()
    return lookups.seen
