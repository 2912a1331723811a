"""What a sweep says in the terminal when it ends."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from tiny import configuration

from study import methods
from study.config.members import TrialResult
from study.config.schema import StudyConfig
from study.core.formatting import plural
from study.core.records import Epoch, FoldResult
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
    rows = out.getvalue().split("\n†")[0].splitlines()  # what the mark of a time means stands below
    place = next(row.index("configuration") for row in rows if "configuration" in row)
    cells = [row[place:].split("  ")[0] for row in rows[3:]]
    assert "".join(cells).replace(" ", "") == methods.of(told).label(told).replace(" ", "")


@pytest.mark.parametrize(
    ("alone", "cell", "meaning"),
    [
        ({}, "24†", "† measured during the search, beside other trainings"),
        ({"alone/train_seconds": 9.0, "alone/train_seconds_iqr": 0.1}, "9", ""),
        ({"alone/train_seconds": 9.0, "alone/others": 0.5}, "9‡", "‡ measured on a busy machine"),
    ],
)
def test_a_time_is_that_measured_alone_or_has_a_mark_that_is_explained(
    alone: dict[str, float], cell: str, meaning: str
) -> None:
    metrics = {"score": 0.75, "params/trainable": 9.0, "memory/train_bytes": 2.0**28, "time/train_seconds": 12.0}
    result = TrialResult(0, configuration(), tuple(FoldResult(0, k, 0.75, metrics) for k in range(2)))
    plan: Any = SimpleNamespace(
        config=StudyConfig(), metric="accuracy", directions=["maximize", "minimize"], label=lambda c: "r8"
    )
    out = io.StringIO()
    Console(file=out, width=120).print(finish._table(plan, {0: result}, {0: alone}))
    row = next(line.split() for line in out.getvalue().splitlines() if line.strip().startswith("0"))
    assert row[-1] == cell
    assert ("measured" in out.getvalue()) == bool(meaning)
    assert meaning in " ".join(out.getvalue().split())


def failures(*errors: str | None) -> list[str]:
    folds = [FoldResult(n, 0, None if e else 0.5, error=e) for n, e in enumerate(errors)]
    return finish.failures({f.trial: TrialResult(f.trial, configuration(), (f,)) for f in folds})


@pytest.mark.parametrize("again", [False, True])
def test_the_table_says_which_scores_it_shows_where_trials_were_cross_validated_again(again: bool) -> None:
    metrics = {"score": 0.75, "params/trainable": 9.0, "memory/train_bytes": 2.0**28, "time/train_seconds": 0.003}
    folds = tuple(FoldResult(0, k, 0.75, metrics) for k in range(2))
    result = TrialResult(0, configuration(), folds, repeats=(FoldResult(0, 3, 0.5, metrics),) * again)
    plan: Any = SimpleNamespace(
        config=StudyConfig(), metric="accuracy", directions=["maximize", "minimize"], label=lambda c: "r8"
    )
    text = finish._table(plan, {0: result}).text()
    assert ("are of the first cross-validation" in text) == again
    assert "0.006†" in text


def test_the_distinct_errors_of_failed_trials_are_said_with_their_counts() -> None:
    assert failures("a [b]", "a [b]", "c\nd", "e", "f", "g", None) == [
        "6 of 7 trials failed:", "  2 × a [b]", "  1 × c d", "  1 × e", "  and 2 other errors",
    ]  # fmt: skip
    assert failures(None) == []


def test_one_of_a_thing_is_said_in_the_singular() -> None:
    assert failures("a", "b", "c", "d")[-1] == "  and 1 other error"
    assert failures("a") == ["1 of 1 trial failed:", "  1 × a"]
    assert [plural(n, "trial") for n in (0, 1, 2, 1000)] == ["0 trials", "1 trial", "2 trials", "1,000 trials"]


FIGURES = [
    ({"loss": math.nan, "score": 0.5}, "trial 0 has no test score (its held-out loss is nan in epoch 1; "),
    ({"loss": 0.5, "score": math.nan}, "trial 0 has no test score (its held-out score is nan in epoch 1; "),
    ({"loss": 0.5, "score": 0.5, "rougeL": math.inf}, "trial 0 has no test score (its held-out rougeL is inf "),
]


@pytest.mark.parametrize(("figures", "said"), FIGURES)
def test_a_test_score_that_is_no_number_is_said_and_not_kept(
    figures: dict[str, float], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finish, "trials_of_report", lambda *_: [0])
    costs = {"params/trainable": 9.0}
    plan: Any = SimpleNamespace(
        config=StudyConfig(),
        directions=["maximize", "minimize"],
        test=[7, 8],
        folds=[None, None],
        adaptation=lambda _: None,
    )
    searched = tuple(FoldResult(0, k, 0.5, {"score": 0.5, **costs}) for k in range(2))
    epoch = Epoch(1, 1, 0.5, 0.0, 0.5)
    result = FoldResult(0, 2, figures["score"], {**figures, **costs}, (epoch,))
    kept: list[object] = []
    ledger: Any = SimpleNamespace(test_scores=dict, alone_costs=dict, keep_test_score=lambda *given: kept.append(given))
    tracker: Any = SimpleNamespace(measured=lambda *given: kept.append(given))
    results = {0: TrialResult(0, configuration(), searched)}
    notes = finish.score_tests(plan, ledger, results, tracker, lambda members, known: iter([result]))
    assert notes[0].startswith(said)
    assert (len(notes), kept) == (1, [])


def test_the_front_holds_what_nothing_beats_cheapest_first_without_repeats_and_unfinished_trials() -> None:
    plan: Any = SimpleNamespace(config=StudyConfig(), directions=["maximize", "minimize"])

    def trial(number: int, score: float | None, cost: float | None, original: int | None = None) -> TrialResult:
        metrics = {} if score is None else {"score": score}
        metrics |= {} if cost is None else {"params/trainable": cost}
        fold = FoldResult(number, 0, score, metrics, error=None if score is not None else "e")
        return TrialResult(number, configuration(), (fold,), None, original)

    rows = [(0.9, 500), (0.8, 100), (0.7, 200), (0.9, 500, 0), (None, 50), (0.95, None), (0.8, 100)]
    results = {number: trial(number, *row) for number, row in enumerate(rows)}
    assert finish.front(plan, results) == [1, 6, 0]
    assert finish.front(plan, {}) == []


def test_the_table_at_the_end_has_the_studys_own_cost_and_its_front_goes_by_what_was_measured_alone() -> None:
    config = StudyConfig(objectives=("score", "latency/ms"))
    plan: Any = SimpleNamespace(
        config=config, metric="accuracy", directions=["maximize", "minimize"], label=lambda c: "r8"
    )
    usual = {"params/trainable": 9.0, "memory/train_bytes": 2.0**28, "time/train_seconds": 12.0}
    results = {}
    for n, (score, latency) in enumerate([(0.7, 90.0), (0.8, 80.0), (0.9, 85.0)]):
        figures = {**usual, "score": score, "latency/ms": latency}
        results[n] = TrialResult(n, configuration(), tuple(FoldResult(n, k, score, figures) for k in range(2)))
    alone = {0: {"alone/latency_ms": 5.0}, 1: {"alone/latency_ms": 9.0}, 2: {"alone/latency_ms": 7.0}}
    assert finish.front(plan, results) == [1, 2]
    assert finish.front(plan, results, alone) == [0, 2]
    out = io.StringIO()
    Console(file=out, width=120).print(finish._table(plan, results, alone))
    rows = [line for line in out.getvalue().splitlines() if line.strip()[:1] in ("0", "2")]
    assert "latency/ms" in out.getvalue()
    assert ["5.00 ms" in rows[0], "7.00 ms" in rows[1], len(rows)] == [True, True, 2]


def test_the_table_at_the_end_has_every_score_that_the_search_went_by() -> None:
    config = replace(StudyConfig(), objectives=["loss", "params/trainable"])
    metrics = {
        "score": 0.75,
        "loss": 0.5,
        "params/trainable": 9.0,
        "memory/train_bytes": 1.0,
        "time/train_seconds": 1.0,
    }
    result = TrialResult(0, configuration(), tuple(FoldResult(0, k, 0.75, metrics) for k in range(2)))
    plan: Any = SimpleNamespace(
        config=config, metric="accuracy", directions=["minimize", "minimize"], label=lambda c: "r8"
    )
    lines = finish._table(plan, {0: result}).text().splitlines()
    assert lines[1].split()[:5] == ["trial", "configuration", "accuracy", "loss", "trainable"]
    assert "0.500 ± 0.000" in lines[2]
