"""The whole answer, pooling and head included, as one ONNX graph; onnxruntime runs it without torch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from study.export.formats.base import Format
from study.export.runtime.frame import CHOOSE, CLASSIFY, WRITE

if TYPE_CHECKING:
    from study.config.schema import MethodConfig
    from study.export.job.trained import Trained
    from study.export.runtime.manifest import Manifest
    from study.export.runtime.models import Compute

FILE = "model.onnx"
ONE_PASS = {
    WRITE: "holds one pass through a model, and writing takes one for each token",
    CHOOSE: "holds one pass through a model, and a document is read in windows",
}
INPUTS, OUTPUT = ("input_ids", "attention_mask"), "logits"


class Onnx(Format):
    """Token ids and mask, int64 [n, T] with any n and T, to logits [n, classes]. `drop` keeps its thin layers."""

    name = "onnx"
    packages = ("onnx", "onnxruntime", "onnxscript")
    extra = "onnx"

    def refusal(self, method: MethodConfig, kind: str = CLASSIFY) -> tuple[str, str] | None:
        return None if kind == CLASSIFY else (ONE_PASS[kind], "write format=merged")

    def write(self, trained: Trained, folder: Path) -> None:
        import torch
        from torch.export import Dim

        backbone = trained.compressed_model() if trained.dropped else trained.merged_model()
        whole = trained.logits_module(backbone).eval()
        ids, mask = _example(trained)
        sizes = {0: Dim("texts"), 1: Dim("tokens")}
        with _quiet():
            torch.onnx.export(
                whole, (ids, mask), folder / FILE, input_names=list(INPUTS), output_names=[OUTPUT], dynamo=True,
                dynamic_shapes=(sizes, sizes), external_data=False, verbose=False,
            )  # fmt: skip

    def open(self, folder: Path, manifest: Manifest, threads: int | None) -> Compute:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        if threads is not None:
            options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(str(folder / FILE), options, providers=["CPUExecutionProvider"])

        def compute(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
            (logits,) = session.run([OUTPUT], dict(zip(INPUTS, (ids, mask), strict=True)))
            return np.asarray(logits)

        return compute

    def code(self, folder: Path, place: str, manifest: Manifest, text: str) -> str:
        return f"""import numpy as np
import onnxruntime
from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file("{place}/tokenizer.json")
tokenizer.enable_truncation({manifest.frame.longest}, direction="{manifest.frame.side}")
session = onnxruntime.InferenceSession("{place}/{FILE}")
ids = np.array([tokenizer.encode("{text}").ids])
(logits,) = session.run(["{OUTPUT}"], {{"input_ids": ids, "attention_mask": np.ones_like(ids)}})"""

    def libraries(self, trained: Trained) -> tuple[str, ...]:
        return ("onnxruntime",)

    def parameters(self, folder: Path) -> int:
        import onnx

        graph = onnx.load(str(folder / FILE)).graph
        floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)
        return sum(int(np.prod(x.dims)) for x in graph.initializer if x.data_type in floats)


@contextmanager
def _quiet() -> Iterator[None]:
    """While open, torch says nothing about itself nor about packages that it does not need."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def _example(trained: Trained) -> tuple[Any, Any]:
    """Token ids and mask [2, 8] to trace the model with, one row whole and one padded."""
    from study.engine.shortcuts import equivalence

    ids, mask = equivalence.probe_tokens(trained.backbone)
    return ids[:2], mask[:2]


FORMAT = Onnx()
