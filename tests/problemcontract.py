"""The contract suite of a problem: whoever brings a new kind of examples makes a subclass of `ProblemContract`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from tiny import configuration, member_of

from study.config.members import Member
from study.config.schema import ModelConfig
from study.core.records import Fold
from study.data.examples import Classified
from study.engine.fit import Fit
from study.engine.pack import Pack
from study.engine.problems import problem_of
from study.engine.problems.base import Problem
from study.engine.workbench import Workbench
from study.models import backbones
from study.scoring.references import references

Scores = dict[str, float]


def halves(count: int) -> tuple[Fold, ...]:
    """Two folds of examples in turn."""
    even, odd = np.arange(0, count, 2), np.arange(1, count, 2)
    return Fold(0, even, odd), Fold(1, odd, even)


def classified(logits: np.ndarray, labels: np.ndarray) -> Scores:
    """accuracy, macro-F1 and mean cross entropy of logits [n, classes], by their definitions."""
    predicted, shares = logits.argmax(1), []
    for c in np.unique(np.concatenate([labels, predicted])):
        hits = int(((predicted == c) & (labels == c)).sum())
        shares.append(2 * hits / int((predicted == c).sum() + (labels == c).sum()))
    likelihoods = np.exp(logits)[np.arange(len(labels)), labels] / np.exp(logits).sum(1)
    return {
        "accuracy": float((predicted == labels).mean()),
        "macro_f1": float(np.mean(shares)),
        "loss": float(-np.log(likelihoods).mean()),
    }


def first_of(made: object) -> torch.Tensor:
    """What frozen work has made."""
    assert isinstance(made, torch.Tensor)
    return made


class ProblemContract(ABC):
    """What every problem guarantees, in float64 so that equality means something."""

    _fits: ClassVar[dict[object, Fit]] = {}  # tests only read them, so that each is trained once

    METHODS: tuple[dict[str, object], ...] = (
        {"kind": "lora", "rank": 2, "targets": "all-linear", "lr": 2e-2, "batch_size": 5},
        {
            "kind": "factorized",
            "rank": 3,
            "targets": "all-linear",
            "layers": "top-1",
            "lam": 5.0,
            "lr": 1e-3,
            "batch_size": 4,
        },
    )

    @abstractmethod
    def bench(self, folder: Path) -> tuple[Workbench, ModelConfig]:
        """A bench of a few examples in two folds or more, and a model that reads them, in float64."""

    @abstractmethod
    def expected(self, problem: Problem, pack: Pack, positions: np.ndarray) -> Scores:
        """The figures of a pack of one on these examples, computed by hand from its answer to one row at a time."""

    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Where the model is, or its name; a class that needs none leaves it as it is."""
        return tmp_path_factory.mktemp("model")

    def members(self, work: Workbench, model: ModelConfig) -> list[Member]:
        every = [replace(configuration(**values), model=model) for values in self.METHODS]
        return [member_of(i, 0, told, i + 1, work) for i, told in enumerate(every)]

    def trained(self, folder: Path, *numbers: int, cached: bool = True) -> Fit:
        """A fit of the members of these numbers after one epoch, still open and made once for all tests."""
        key = type(self), folder, numbers, cached
        if key not in self._fits:
            self._fits[key] = self.train(folder, *numbers, cached=cached)
        return self._fits[key]

    def train(self, folder: Path, *numbers: int, cached: bool = True) -> Fit:
        """The same on a bench of its own."""
        work, model = self.bench(folder)
        members = self.members(work, model)
        fit = Fit([members[i] for i in numbers], work, cached)
        fit.train_epoch()
        return fit

    def test_every_example_has_rows_of_a_known_length_and_they_are_the_same_every_time(self, folder: Path) -> None:
        fits = [self.trained(folder, 0), self.train(folder, 0)]
        count = len(fits[0].bench.data.examples)
        rows = [[fit.problem.rows(np.array([i])).tolist() for i in range(count)] for fit in fits]
        assert rows[0] == rows[1]
        assert all(rows[0])
        assert sorted(row for some in rows[0] for row in some) == list(range(len(fits[0].problem.lengths)))
        assert fits[0].problem.lengths.min() >= 1
        assert np.array_equal(fits[0].problem.lengths, fits[1].problem.lengths)
        assert 0 <= fits[0].problem.truncated <= 1

    def test_losses_are_finite_and_a_rows_loss_depends_on_that_row_alone(self, folder: Path) -> None:
        fit = self.trained(folder, 0)
        rows, weights = np.arange(4)[None], torch.tensor([[0.5, 0.25, 0.0, 2.0]], dtype=torch.float64)
        one = torch.ones(1, 1, dtype=torch.float64)
        with torch.no_grad():
            whole = float(fit.problem.loss(fit.pack, rows, weights))
            each = [float(fit.problem.loss(fit.pack, rows[:, [i]], one)) for i in range(4)]
        assert all(math.isfinite(loss) and loss > 0 for loss in each)
        assert len({round(loss, 9) for loss in each}) > 1
        assert whole == pytest.approx(float(np.dot(each, weights[0])), rel=1e-9)

    def test_scores_are_those_of_a_computation_by_hand(self, folder: Path) -> None:
        fit = self.trained(folder, 0)
        positions = fit.courses[0].fold.valid
        (scores,) = fit.problem.scores(fit.pack, [positions])
        expected = self.expected(fit.problem, fit.pack, positions)
        examples = fit.bench.data.examples
        assert {examples.metric, "loss"} <= scores.keys()
        assert set(examples.scores) <= scores.keys()
        assert scores == pytest.approx(expected, abs=1e-6)

    def test_a_members_losses_and_scores_do_not_depend_on_its_pack(self, folder: Path) -> None:
        together = self.trained(folder, 0, 1)
        positions = [course.fold.valid for course in together.courses]
        packed = together.problem.scores(together.pack, positions)
        for i in range(2):
            alone = self.trained(folder, i)
            assert alone.courses[0].loss == pytest.approx(together.courses[i].loss, rel=1e-6)
            (scores,) = alone.problem.scores(alone.pack, [positions[i]])
            assert scores == pytest.approx(packed[i], abs=1e-6)

    def test_scores_of_some_examples_are_the_same_beside_others_of_another_member(self, folder: Path) -> None:
        fit = self.trained(folder, 0, 1)
        many, few = np.arange(7), np.array([5, 2])
        level = fit.problem.scores(fit.pack, [few, few])
        uneven = fit.problem.scores(fit.pack, [many, few])
        assert uneven[1] == pytest.approx(level[1], abs=1e-6)

    def test_what_is_kept_of_the_frozen_model_changes_nothing(self, folder: Path) -> None:
        losses = [self.trained(folder, 0, 1, cached=cached).courses for cached in (True, False)]
        assert [c.loss for c in losses[0]] == pytest.approx([c.loss for c in losses[1]], rel=1e-6)

    def test_a_batch_is_read_in_portions_that_hold_every_row_once(self, folder: Path) -> None:
        problem = self.trained(folder, 0).problem
        parts = problem.portions(9)
        assert [i for part in parts for i in range(9)[part]] == list(range(9))
        rows, longest = problem.adapter_input_shape(np.arange(3))
        assert rows >= 3
        assert longest >= 1
        assert problem.adapter_input_shape(np.arange(0))[0] == 0

    def test_one_row_is_answered_as_the_model_runs_elsewhere(self, folder: Path) -> None:
        fit = self.trained(folder, 0)
        for row in range(3):
            answer = fit.problem.answer(fit.pack, row)
            assert torch.equal(answer, fit.problem.answer(fit.pack, row))
            assert bool(torch.isfinite(answer).all())

    def test_frozen_work_below_a_block_can_be_done_by_itself(self, folder: Path) -> None:
        work, model = self.bench(folder)
        member = member_of(0, 0, replace(configuration(layers="top-1", targets="all-linear"), model=model), 1, work)
        fit = Fit([member], work)
        below = fit.problem.below(np.arange(2))
        fit.pack.close()
        assert below is None or torch.equal(first_of(below()), first_of(below()))
        assert self.trained(folder, 0).problem.below(np.arange(2)) is None  # which adapts every block

    def test_the_model_that_trains_is_one_that_was_not_refused(self, folder: Path) -> None:
        work, model = self.bench(folder)
        examples = work.data.examples
        geometry, encoder = backbones.geometry(model, examples), work.encoder(model)
        assert geometry.sites == encoder.sites
        assert (geometry.layers, geometry.parameters) == (encoder.layers, encoder.parameters)
        assert backbones.fingerprint(model, examples) == backbones.fingerprint(model, examples)
        assert backbones.highest_full_lr(examples) > 0
        problem_of(examples).require(model, examples, geometry.tables)

    def test_examples_say_what_a_trained_model_is_given(self, folder: Path) -> None:
        examples = self.bench(folder)[0].data.examples
        order = np.arange(len(examples))[::-1]
        assert len(examples.inputs()) == len(examples.input_sizes()) == len(examples)
        assert examples.take(order).inputs() == examples.inputs()[::-1]
        assert examples.input_sizes().min() > 0

    def test_a_reference_that_needs_no_training_has_the_examples_scores(self, folder: Path) -> None:
        data = self.bench(folder)[0].data
        known = references(data.examples, data.folds[0])
        assert known
        assert all(set(data.examples.scores) <= scores.keys() for scores in known.values())
        assert all(0 <= value <= 1 for scores in known.values() for value in scores.values())


class ClassifiedContract(ProblemContract):
    """What problems with classes have beside: an answer is the logits of one row."""

    def expected(self, problem: Problem, pack: Pack, positions: np.ndarray) -> Scores:
        examples = problem.bench.data.examples
        assert isinstance(examples, Classified)
        with torch.no_grad():
            logits = [problem.answer(pack, int(i)).double().numpy().reshape(-1) for i in positions]
        return classified(np.stack(logits), examples.labels[positions])
