"""A process of its own that answers one text again and again: ``python -m study.export.runtime.answer`` < question.

It reads JSON: the modules to import, the export's folder and a text. It prints JSON: the peak of its resident memory
when everything is imported and nothing loaded, the peak in the end, and how long each answer took.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

WARM, LEAST, MOST, PATIENCE = 3, 5, 200, 5.0  # answers before measuring; answers measured; seconds after which to stop


def main() -> None:
    """Read a question from standard input, import, load and answer, and print the report."""
    asked = json.load(sys.stdin)
    for name in ("study.export.runtime.models", "study.export.formats.base", "tokenizers", *asked["libraries"]):
        importlib.import_module(name)
    _one_thread()
    empty = peak_bytes()
    seconds = _answer(asked["folder"], asked["text"], asked["trust_remote_code"])
    print(json.dumps({"empty": empty, "peak": peak_bytes(), "seconds": seconds}))


def _one_thread() -> None:
    """Let torch, where it is imported, compute with one thread."""
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)


def _answer(folder: str, text: Any, trusted: bool) -> list[float]:
    """Seconds of each answer, from the text to its label or whatever the model makes of it."""
    from study.export import load

    model = load(folder, threads=1, trust_remote_code=trusted)
    seconds: list[float] = []
    for _ in range(WARM):
        model([text])
    begun = time.perf_counter()
    while len(seconds) < LEAST or (len(seconds) < MOST and time.perf_counter() - begun < PATIENCE):
        started = time.perf_counter()
        model([text])
        seconds.append(time.perf_counter() - started)
    return seconds


def peak_bytes() -> int | None:
    """The most memory that this process has ever held in RAM, or None where the system does not tell.

    Not getrusage: a process inherits its peak from the one that started it.
    """
    status = Path("/proc/self/status")
    match = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(match[1]) * 1024 if match else None


if __name__ == "__main__":
    main()
