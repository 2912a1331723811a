"""The head reads the first token alone: then the last block's feed-forward and queries need no other.

A token's last hidden state depends on the others through the last block's keys and values only. Hooks cut
every row to its first token where the last block leaves attention; the host model's own code does the rest.
Whether that is exact for an architecture is found by trying it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from study.engine.shortcuts.equivalence import computes_the_same
from study.models.attention import FIRST_TOKEN
from study.models.encoders import blocks
from study.models.families import AFTER_ATTENTION, QUERIES


@dataclass(frozen=True)
class Shortcut:
    """The last block's modules, by name, that are given the first token alone.

    `after` is the first behind attention; `query` makes the queries, None where they cannot be cut.
    """

    after: str
    query: str | None


def find(backbone: nn.Module) -> Shortcut | None:
    """The first shortcut under which the first token's last hidden state stays as it is, or None."""
    last = blocks(backbone)[1][-1]
    names = dict(last.named_modules())
    for after in (n for n in AFTER_ATTENTION if n in names):
        for query in (*(n for n in QUERIES if n in names), None):
            shortcut = Shortcut(after, query)
            if computes_the_same(backbone, partial(first_token_alone, backbone, shortcut), tokens=1):
                return shortcut
    return None


@contextmanager
def first_token_alone(backbone: nn.Module, shortcut: Shortcut) -> Iterator[None]:
    """While open, the last block computes its first token's output alone: hidden states [n, 1, hidden]."""
    last = blocks(backbone)[1][-1]
    handles = [last.get_submodule(shortcut.after).register_forward_pre_hook(_first, with_kwargs=True)]
    if shortcut.query is not None:
        module, lengths = last.get_submodule(shortcut.query), []

        def cut(_: nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            lengths.append(args[0].shape[1])
            return (_token(args[0]), *args[1:])

        # Attention wants a query for each token: the first one's, seen as many times, costs nothing to make.
        def spread(_: nn.Module, __: Any, out: torch.Tensor) -> torch.Tensor:
            return out.expand(-1, lengths.pop(), -1)

        handles += [module.register_forward_pre_hook(cut), module.register_forward_hook(spread)]
        setattr(last.get_submodule(shortcut.query.rpartition(".")[0]), FIRST_TOKEN, True)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        if shortcut.query is not None:
            delattr(last.get_submodule(shortcut.query.rpartition(".")[0]), FIRST_TOKEN)


def _first(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The arguments of a module with every tensor of hidden states cut to its first token."""

    def cut(value: Any) -> Any:
        return _token(value) if isinstance(value, torch.Tensor) and value.dim() == 3 else value

    return tuple(map(cut, args)), {k: cut(v) for k, v in kwargs.items()}


def _token(states: torch.Tensor) -> torch.Tensor:
    """The first token's [n, 1, hidden], in one piece: of a view, a linear layer would copy its weight for each row."""
    return states[:, :1].contiguous()
