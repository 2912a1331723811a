"""From a backbone's hidden states to the vectors that heads read: one a text, or one for each of its units."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from study.engine.batches import Tokens

Reader = Callable[[Any], torch.Tensor]


def reader(tokens: Tokens, positions: np.ndarray, mask: torch.Tensor, how: str) -> Reader:
    """A function from a backbone's output for these rows to vectors, pooled as `how` (`model.pooling`) says.

    The vectors are [n, hidden] or, where rows have units, [n, U, hidden]; those of units that a row lacks mean nothing.
    """
    if tokens.units is None:
        return partial(pool, mask=mask, how=how)
    most = int(tokens.counts[positions].max())
    units = tokens.units.batch(positions, mask.shape[1], -1, mask.device)
    return partial(pool_units, member=units[:, None] == torch.arange(most, device=mask.device)[:, None], how=how)


def pool(output: Any, mask: torch.Tensor, how: str) -> torch.Tensor:
    """One vector a text [n, hidden]; mask [n, T]."""
    if how == "pooler":
        return output.pooler_output  # type: ignore[no-any-return]
    hidden: torch.Tensor = output.last_hidden_state
    if how == "cls":
        return hidden[:, 0]
    if how == "last":
        return hidden[torch.arange(hidden.shape[0], device=hidden.device), mask.sum(1) - 1]
    weights = mask.unsqueeze(-1).to(hidden)
    return (hidden * weights).sum(1) / weights.sum(1)


def pool_units(output: Any, member: torch.Tensor, how: str) -> torch.Tensor:
    """One vector a unit [n, U, hidden]; `member` [n, U, T] is true where a token belongs to a unit."""
    hidden: torch.Tensor = output.last_hidden_state
    if how == "mean":
        weights = member.to(hidden)
        return weights @ hidden / weights.sum(-1, keepdim=True).clamp(min=1)
    ends = member.long() if how == "cls" else member.long().flip(-1)
    place = ends.argmax(-1)  # of the first true one
    place = place if how == "cls" else member.shape[-1] - 1 - place
    return hidden.gather(1, place[..., None].expand(-1, -1, hidden.shape[-1]))
