"""MLflow without the lines, bars and reports home that it makes of itself."""

from __future__ import annotations

import logging
import os


def quiet(level: int) -> None:
    """Let MLflow say nothing below that level of `logging`, show no bars, and tell nobody that a study runs."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # The first contact creates the store's tables, and says so in a dozen lines that help nobody.
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(level)
