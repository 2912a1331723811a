"""The versions of installed packages."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable


def versions_of(packages: Iterable[str], otherwise: str) -> dict[str, str]:
    """The version of each package by its name; `otherwise` of one that is not installed."""
    out = {}
    for name in packages:
        try:
            out[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            out[name] = otherwise
    return out
