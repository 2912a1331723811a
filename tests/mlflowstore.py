"""New MLflow stores for tests: MLflow takes seconds to make one, and a moment to open a copy."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory


@lru_cache
def _made() -> bytes:
    from mlflow import MlflowClient

    with TemporaryDirectory() as folder:
        MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db")
        return (Path(folder) / "mlflow.db").read_bytes()


def new_store(folder: Path) -> str:
    """The address of a store without runs, `mlflow.db` in the folder."""
    (folder / "mlflow.db").write_bytes(_made())
    return f"sqlite:///{folder / 'mlflow.db'}"
