"""Names of models that no one keeps on the Hub: they come with Python packages, or are built here."""

from __future__ import annotations

ENCODERS = ("minilm",)
GRAPHS = ("gcn", "sage", "gat")
EMBEDDED = (*ENCODERS, *GRAPHS)
