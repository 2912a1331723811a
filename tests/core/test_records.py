"""A figure that is not a finite number is no result: the fold has failed, and says which figure and when."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from tiny import configuration, member_of, workbench

from study.config.members import TrialResult
from study.core.answers import Answers, Scored
from study.core.records import Epoch, FoldResult
from study.engine import train
from study.engine.costs import measure
from study.search.objectives import summary

NAN, INF = math.nan, math.inf
GOOD = Epoch(1, 5, 0.7, 0.1, 0.5)


@pytest.mark.parametrize(
    ("metrics", "epochs", "error"),
    [
        ({"score": 0.5, "loss": NAN}, (GOOD,), "its held-out loss is nan in epoch 1; try a smaller train.lr"),
        ({"score": 0.5, "loss": INF}, (GOOD,), "its held-out loss is inf in epoch 1; try a smaller train.lr"),
        ({"score": NAN}, (GOOD,), "its held-out score is nan in epoch 1; try a smaller train.lr"),
        (
            {"score": 0.5}, (GOOD, Epoch(2, 9, INF, 0.1, 0.5)), "its loss is inf in epoch 2; try a smaller train.lr",
        ),
        (
            {"score": 0.5}, (Epoch(1, 5, 0.7, NAN, 0.5),), "its distance is nan in epoch 1; try a smaller train.lr",
        ),
        ({"score": 0.5, "latency/ms": NAN}, (GOOD,), "its latency/ms is nan; train it again under another study.name"),
        (
            {"score": 0.5, "memory/peak_bytes": INF}, (GOOD,),
            "its memory/peak_bytes is inf; train it again under another study.name",
        ),
    ],
)  # fmt: skip
def test_a_stored_fold_with_a_figure_that_is_no_number_is_read_as_a_failure(
    metrics: dict[str, float], epochs: tuple[Epoch, ...], error: str
) -> None:
    stored = FoldResult(0, 0, metrics["score"], metrics, epochs)
    read = FoldResult.from_json(json.dumps(asdict(stored)))
    assert (read.score, read.metrics, read.error) == (None, {}, error)
    assert FoldResult.from_json(read.to_json()) == read  # it can be written as JSON, and comes back alike
    assert not TrialResult(0, configuration(), (read,)).complete
    assert summary(TrialResult(0, configuration(), (stored,))) == {}
    with pytest.raises(ValueError, match="JSON"):
        stored.to_json()


@pytest.mark.parametrize("answers", [None, Answers(np.array([1, 0, 1])), Answers(worth=np.array([0.1, 1 / 3]))])
def test_a_sound_fold_is_read_as_it_was_written(answers: Answers | None) -> None:
    unscored = Epoch(1, 5, 0.7, 0.1)
    stored = FoldResult(0, 0, 0.5, {"score": 0.5, "loss": 0.7}, (unscored, GOOD), answers=answers)
    assert FoldResult.from_json(stored.to_json()) == stored


def test_a_fold_of_an_earlier_version_has_no_answers_and_one_that_failed_none_either() -> None:
    stored = FoldResult(0, 0, 0.5, {"score": 0.5}, (GOOD,))
    former = {key: value for key, value in asdict(stored).items() if key != "answers"}
    assert FoldResult.from_json(json.dumps(former)) == stored
    assert FoldResult(0, 0, 0.5, {"score": NAN}, (GOOD,), answers=Answers(np.array([1]))).sound().answers is None


def test_a_training_that_diverges_brings_an_error_and_no_figure() -> None:
    member = member_of(0, 1, configuration(kind="full", lr=1e30, clip=1e30, warmup=0.0), 1)
    result = train.train_pack([member], workbench())[0]
    assert (result.score, result.metrics) == (None, {})
    assert result.error is not None
    assert " in epoch 1; try a smaller train.lr" in result.error
    assert FoldResult.from_json(result.to_json()) == result


def test_only_the_member_whose_held_out_loss_is_no_number_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    from study.engine.problems.texts import Classify as Problem

    scores = Problem.scores

    def broken(self: Problem, pack: object, rows: object) -> list[Scored]:
        first, *others = scores(self, pack, rows)  # type: ignore[arg-type]
        return [replace(first, figures={**first.figures, "loss": NAN}), *others] if others else [first]

    monkeypatch.setattr(Problem, "scores", broken)
    told = configuration().with_values({"train.curves": True})
    bad, good = train.train_pack([member_of(i, 1, told, 1) for i in range(2)], workbench())
    assert (bad.score, bad.error) == (None, "its held-out loss is nan in epoch 1; try a smaller train.lr")
    assert good.score is not None
    assert len(good.epochs) == 2


def test_a_measurement_that_is_no_number_fails_the_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "costs", lambda member, bench: {"latency/ms": NAN})
    result = train.train_pack([member_of(0, 0, configuration(), 1)], workbench())[0]
    assert result.error == "its latency/ms is nan; train it again under another study.name"
