"""The grammar of `method.targets`: what it may name at once."""

from __future__ import annotations

# What targets may name at once. The roles: q, k, v, o of attention; qkv, where one matrix makes all three; position,
# which makes attention's relative positions; f for feed-forward; conv for graph convolutions; "" where it is not known.
GROUPS: dict[str, tuple[str, ...]] = {
    "qv": ("q", "v", "qkv"),
    "attention": ("q", "k", "v", "qkv", "o", "position"),
    "ffn": ("f",),
    "conv": ("conv",),
    "all-linear": ("q", "k", "v", "qkv", "o", "position", "f", "conv", ""),
}
