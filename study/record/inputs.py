"""What a study learned from, as MLflow's pages show it: a data set with its fingerprint, and where the code is from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from study.config.schema import TaskConfig
from study.core.mlflow_store import TAG

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

LONGEST = 36  # characters of a digest that MLflow takes
CONTEXT = "mlflow.data.context"
FACTS = ("examples", "test_examples", "classes")  # tags of the study that say what there is of it


def data_input(task: TaskConfig, tags: Mapping[str, str]) -> DatasetInput | None:
    """The study's data with its fingerprint, by the study's tags; None where it was not taken."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    fingerprint = tags.get(f"{TAG}data_fingerprint")
    if not fingerprint:
        return None
    known = {name: tags[f"{TAG}{name}"] for name in FACTS if f"{TAG}{name}" in tags}
    profile = {name: int(text) if text.isdecimal() else text for name, text in known.items()}
    kind = "hub" if task.name == "hub" else "local" if task.path else "code"
    source = {"task": task.name, **({"path": task.path} if task.path else {})}
    name = task.path or task.name
    data = Dataset(name, fingerprint[:LONGEST], kind, json.dumps(source), profile=json.dumps(profile))
    return DatasetInput(data, [InputTag(CONTEXT, "training")])


def source_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """What MLflow's pages say of where a run comes from, by the study's tags."""
    commit = tags.get(f"{TAG}git_commit", "")
    known = {"mlflow.source.git.commit": commit} if commit and " " not in commit else {}
    return {"mlflow.source.name": "lora-study", "mlflow.source.type": "LOCAL", **known}
