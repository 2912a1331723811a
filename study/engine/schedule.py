"""The learning-rate schedule: linear warm-up, then linear decay to zero."""

from __future__ import annotations


def learning_rate_share(step: int, total: int, warmup: float) -> float:
    """The share of `train.lr` at `step` (from 0) of `total`, of which the share `warmup` is warm-up."""
    rise = max(1, round(warmup * total))
    return (step + 1) / rise if step < rise else max(0.0, (total - step) / max(1, total - rise))
