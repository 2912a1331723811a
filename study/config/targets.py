"""The grammar of `method.targets` and `method.layers`: what they may say, whatever the model."""

from __future__ import annotations

import re

from study.core.errors import ConfigError

PARTS = ("encoder", "decoder", "cross")  # of a model of two stacks; cross: a decoder's attention to the encoder

# What targets may name at once. The roles: q, k, v, o of attention; qkv, where one matrix makes all three; position,
# which makes attention's relative positions; f for feed-forward; conv for graph convolutions; "" where it is not known.
GROUPS: dict[str, tuple[str, ...]] = {
    "qv": ("q", "v", "qkv"),
    "attention": ("q", "k", "v", "qkv", "o", "position"),
    "ffn": ("f",),
    "conv": ("conv",),
    "all-linear": ("q", "k", "v", "qkv", "o", "position", "f", "conv", ""),
}


def split_part(target: str) -> tuple[str, str]:
    """The part of the model that a target begins with, "" where it begins with none, and the rest: ``decoder.qv``."""
    part, _, rest = target.partition(".")
    return (part, rest) if part in PARTS else ("", target)


def expression(target: str) -> re.Pattern[str]:
    """The target as a regular expression on a layer's whole name; ConfigError where it is none."""
    try:
        return re.compile(target)
    except re.error as error:
        rule = f"is no valid regular expression ({error})"
        raise ConfigError(f"method.targets={target}", rule, f"choose one of {', '.join(GROUPS)}") from error


def blocks_from_top(layers: str, count: int) -> int:
    """How many blocks of a stack of `count` are meant, from its top: all, top-half or top-N; 0 where that says none."""
    top = re.fullmatch(r"top-(\d+)", layers)
    if layers == "all":
        return count
    if layers == "top-half":
        return max(1, count // 2)
    return int(top[1]) if top and int(top[1]) <= count else 0
