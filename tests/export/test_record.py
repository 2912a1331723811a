"""A registered model asks for the packages that loading it imports."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from study.export.job.record import requirements
from study.export.runtime.frame import Frame
from study.export.runtime.manifest import Manifest


@pytest.mark.parametrize(
    ("name", "libraries", "added"),
    [
        ("merged", ("torch", "transformers", "safetensors.torch"), []),
        ("peft", ("torch", "transformers", "peft", "study.models.encoders"), ["peft"]),
        ("onnx", ("onnxruntime",), ["onnxruntime"]),  # onnx and onnxscript only write
    ],
)
def test_the_requirements_are_every_export_s_and_the_format_s(
    name: str, libraries: tuple[str, ...], added: list[str]
) -> None:
    manifest = Manifest(
        format=name, study="s", trial=1, data="searched", model="m", fingerprint="f", random_weights=False,
        pooling="mean", classes=("a", "b"), frame=Frame(16, 0), libraries=libraries,
    )  # fmt: skip
    asked = requirements(manifest)
    assert asked[8:] == [f"{package}=={version(package).partition('+')[0]}" for package in added]
    assert {"torch", "transformers", "safetensors", "numpy"} <= {line.partition("==")[0] for line in asked[:8]}
