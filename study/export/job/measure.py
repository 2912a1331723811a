"""What an export costs where it runs: bytes, parameters, and the latency and memory of a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from study.core.errors import StudyError
from study.export.formats import get
from study.export.runtime.manifest import Manifest

CARD = "README.md"
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


def figures(manifest: Manifest, folder: Path, text: Any) -> dict[str, float]:
    """The figures of the export in `folder`, which has that manifest, all but its accuracy.

    `bytes` are those of every file but the card; `base_bytes`, where the export needs its base model beside it, those
    of that one. Latencies are of one answer at a time, from the text to its label, on one thread. `peak_bytes` is the
    peak of the resident memory of a process that loads the model and answers, less what it was when the same modules
    were imported and nothing loaded; missing where the system does not tell.
    """
    made = get(manifest.format)
    parts = [folder / member for member in manifest.members] or [folder]
    out = {"bytes": float(size(folder)), "parameters": float(sum(map(made.parameters, parts)))}
    if made.needs_base:
        out["base_bytes"] = float(_base_bytes(manifest))
    told = _answer_apart(manifest, folder, text)
    milliseconds = 1000 * np.array(told["seconds"])
    out |= {f"latency_p{q}_ms": float(np.percentile(milliseconds, q)) for q in (50, 95)}
    if told["peak"] is not None:
        out["peak_bytes"] = float(told["peak"] - told["empty"])
    return out


def size(folder: Path) -> int:
    """Bytes of the folder's files, the card left out."""
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file() and f.name != CARD)


def difference(manifest: Manifest, folder: Path, texts: Sequence[Any], wanted: np.ndarray) -> float:
    """The largest difference of the logits of the export, loaded back, from the suite's own [n, classes].

    Raises StudyError where it is more than rounding.
    """
    from study.export import load

    logits = load(folder, trust_remote_code=manifest.trust_remote_code).logits(texts)
    gap = float(np.abs(logits - wanted).max()) if np.isfinite(logits).all() else float("inf")
    if not gap <= TOLERANCE * max(1.0, float(np.abs(wanted).max())):
        rule = f"answers otherwise than the trained model: its logits differ by up to {gap:.2g}"
        raise StudyError(
            f"format={manifest.format}", rule, "choose another format, and report this with the model's name"
        )
    return gap


TOLERANCE = 1e-4  # of the largest logit, or of 1: rounding in float32, summed up over a model's layers


def _base_bytes(manifest: Manifest) -> int:
    """Bytes of the weights and of the configuration of the base model, counted in float32."""
    from study.config.schema import ModelConfig
    from study.models import encoders, hub

    source = Path(hub.source(manifest.model))
    files = list(source.iterdir()) if source.is_dir() else []
    weights = sum(f.stat().st_size for f in files if f.suffix == ".safetensors")
    # In a file of another kind there may be more than a model's weights, or the same weights again.
    named = ModelConfig(manifest.model, trust_remote_code=manifest.trust_remote_code)
    weights = weights or 4 * encoders.geometry(named)[2]
    return weights + sum(f.stat().st_size for f in files if f.suffix == ".json")


def _answer_apart(manifest: Manifest, folder: Path, text: Any) -> dict[str, Any]:
    """The report of :mod:`study.export.runtime.answer`, run in a process of its own; StudyError where that fails."""
    question = {"folder": str(folder.resolve()), "text": text, "libraries": manifest.libraries}
    question["trust_remote_code"] = manifest.trust_remote_code
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": paths, "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(
        [sys.executable, "-m", "study.export.runtime.answer"], input=json.dumps(question),
        capture_output=True, text=True,
        env=environment, check=False,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise StudyError(f"format={manifest.format}", f"does not run in a process of its own ({last})", "report this")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def deployment_figures(measured: Mapping[str, float]) -> dict[str, float]:
    """The figures to which bounds apply: `bytes` are with those of the base model that an adapter needs beside it."""
    return {**measured, "bytes": measured["bytes"] + measured.get("base_bytes", 0.0)}
