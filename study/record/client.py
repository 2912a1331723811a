"""MLflow's client for writing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from study.core.creation import make_beside, one_at_a_time
from study.record.quiet import quiet

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


def make_client(uri: str | None) -> MlflowClient:
    """The client of the store at `uri`, or of MLflow's own default store; quiet.

    Where there is no store, it is made, whole or not at all.
    ConfigError where MLflow refuses the address.
    """
    from mlflow.tracking import MlflowClient

    from study.core.mlflow_store import address, explain_refusals

    key, uri = address(uri)
    quiet(logging.WARNING)
    with explain_refusals(key, uri), one_at_a_time(uri):
        make_beside(uri, lambda place: MlflowClient(tracking_uri=place)._tracking_client.store.engine.dispose())
        return MlflowClient(tracking_uri=uri)
