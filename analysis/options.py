"""What is wished of a report: its files, and what its recommendation may lose."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from analysis.errors import ReportError
from analysis.painter import Here
from analysis.printed import SETTINGS
from analysis.tables import ENDINGS
from study.core.figures import is_confidence, is_tolerance


@dataclass(frozen=True)
class Options:
    """The wishes; ReportError at one that cannot be fulfilled.

    `figures` are the kinds of files, of svg, png and pdf, that hold every figure beside the page; the SVG of the front,
    which the Markdown shows, is always there. `tables` are those, of csv and latex, that hold every table. `tolerance`
    and `confidence` are those of the recommendation (study/config/schema.py), None as the study has them. `drawing` is
    where figures are drawn, by default in this process.
    """

    figures: Sequence[str] = ()
    tables: Sequence[str] = ()
    tolerance: float | None = None
    confidence: float | None = None
    drawing: Executor = field(default_factory=Here)

    def __post_init__(self) -> None:
        _check_kinds("figures", self.figures, SETTINGS)
        _check_kinds("tables", self.tables, ENDINGS)
        if self.tolerance is not None and not is_tolerance(self.tolerance):
            rule, remedy = "is no score that one can lose", "write a number of 0 or more, such as 0.01"
            raise ReportError(f"tolerance={self.tolerance}", rule, remedy)
        if self.confidence is not None and not is_confidence(self.confidence):
            rule, remedy = "is no probability of at least one half and less than 1", "write for example 0.9"
            raise ReportError(f"confidence={self.confidence}", rule, remedy)


def _check_kinds(key: str, kinds: Sequence[str], known: Collection[str]) -> None:
    """Raise ReportError at a kind of file that there is not."""
    if unknown := [kind for kind in kinds if kind not in known]:
        rule, remedy = f"holds {unknown[0]!r}, which is no kind", f"write {','.join(known)}"
        raise ReportError(f"{key}={','.join(kinds)}", rule, remedy)
