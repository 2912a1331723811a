"""What a study comes to, for its record: kept beside a report, and shown by MLflow's pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

FILE = "answer.json"  # in a report's folder


@dataclass(frozen=True)
class Conclusion:
    """`note` is the answer, the front and links as Markdown, whose first paragraph stands alone.

    `figures` are those of the answer by name (study/core/figures.py), `trials` what trials are to it, by number, each
    a sentence; `kind` is the verdict's (study/core/evidence/verdict.py), `recommended` and `best` trials, None where
    there are none.
    """

    note: str
    kind: str = ""
    recommended: int | None = None
    best: int | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    trials: Mapping[int, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Keep it in a report's folder."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False), encoding="utf-8")


def read_conclusion(folder: Path) -> Conclusion | None:
    """The conclusion in a report's folder; None where there is none."""
    path = folder / FILE
    if not path.is_file():
        return None
    raw = json.loads(path.read_text(encoding="utf-8"))
    return Conclusion(**{**raw, "trials": {int(number): text for number, text in raw["trials"].items()}})
