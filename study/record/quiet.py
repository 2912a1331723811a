"""MLflow without the lines, bars, reports home and minutes of waiting that it makes of itself."""

from __future__ import annotations

import logging
import os

BOUNDS = {  # of how long a call waits for a server that is away: a minute at worst, and not a quarter of an hour
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
# What they say of a failure, with its traceback, is said in a line by whoever called them.
LOUD = ("mlflow.store.db.utils", "urllib3.connectionpool")


def quiet(level: int) -> None:
    """Let MLflow say nothing below that level of `logging`, show no bars, tell nobody that a study runs, and, where the
    user says nothing of it, wait for no server longer than :data:`BOUNDS`."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # The first contact creates the store's tables, and says so in a dozen lines that help nobody.
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(level)
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for name, bound in BOUNDS.items():
        os.environ.setdefault(name, bound)
