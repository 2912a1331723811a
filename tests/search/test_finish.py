"""What a sweep says in the terminal when it ends."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

from rich.console import Console
from tiny import configuration

from study import methods
from study.config import StudyConfig
from study.records import FoldResult, TrialResult
from study.search import finish


def test_a_pattern_of_ranks_is_not_cut_short_at_eighty_columns() -> None:
    told = configuration(rank="attention:8,ffn:2", targets="all-linear")
    metrics = {"score": 0.75, "params/trainable": 194306.0, "memory/train_bytes": 2.0**28, "time/train_seconds": 24.0}
    folds = tuple(FoldResult(0, k, 0.75, metrics) for k in range(2))
    plan: Any = SimpleNamespace(
        config=StudyConfig(),
        metric="accuracy",
        directions=["maximize", "minimize"],
        label=lambda c: methods.of(c).label(c),
    )
    out = io.StringIO()
    Console(file=out, width=80).print(finish._table(plan, {0: TrialResult(0, told, folds)}))
    cells = [line.split("│")[2].strip() for line in out.getvalue().splitlines() if line.startswith("│")]
    assert "".join(cells).replace(" ", "") == methods.of(told).label(told).replace(" ", "")


def test_the_distinct_errors_of_failed_trials_are_said_with_their_counts() -> None:
    errors = ["a [b]", "a [b]", "c\nd", "e", "f", None]
    folds = [FoldResult(n, 0, None if e else 0.5, error=e) for n, e in enumerate(errors)]
    results = {f.trial: TrialResult(f.trial, configuration(), (f,)) for f in folds}
    assert finish.failures(results) == [
        "5 of 6 trials failed:", "  2 × a [b]", "  1 × c d", "  1 × e", "  and 1 other errors",
    ]  # fmt: skip
    assert finish.failures({5: results[5]}) == []
