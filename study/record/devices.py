"""On which devices a study has trained, as its run in MLflow says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.config.members import TrialResult
from study.core.mlflow_store import TAG

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


def note_devices(client: MlflowClient, root: str, known: set[str], result: TrialResult) -> None:
    """Add the devices of a trial's folds to the `known` ones, and to the tag of the study's run that names them."""
    devices = {f.device for f in result.folds if f.score is not None}
    if devices - known:
        known |= devices
        client.set_tag(root, f"{TAG}device", ", ".join(sorted(known)))
