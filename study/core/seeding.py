"""One seed per purpose, derived from the study's seed; no global random state is ever used."""

from __future__ import annotations

import hashlib


def derive(*parts: int | str) -> int:
    """A seed below 2³¹ that depends on every part, the same on every machine."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
