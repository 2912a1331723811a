"""What every problem guarantees, of each kind of examples that the suite has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tinygraph
import torch
from problemcontract import ClassifiedContract, ProblemContract, Scores, halves
from tiny import documents, letters, save_model, save_writer

from study.config.schema import ModelConfig
from study.core import kinds
from study.core.errors import ConfigError
from study.data.examples import Pairs
from study.engine.pack import Pack
from study.engine.problems.base import Problem
from study.engine.problems.documents import Extract
from study.engine.problems.pairs import Generate
from study.engine.workbench import StudyData, Workbench
from study.text import rouge
from study.text.rouge import ENGLISH

COUNT = 20


def means(texts: list[str], wanted: list[str]) -> Scores:
    """The mean of each ROUGE."""
    return {name: float(values.mean()) for name, values in rouge.f1(texts, wanted, ENGLISH).items()}


class TestTexts(ClassifiedContract):
    @pytest.fixture(scope="class", params=["mean", "cls"])
    def folder(self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return save_model(tmp_path_factory.mktemp("model") / request.param)

    def bench(self, folder: Path) -> tuple[Workbench, ModelConfig]:
        work = Workbench(letters(COUNT), torch.device("cpu"))
        model = ModelConfig(str(folder), pooling=folder.name)
        work.encoder(model).backbone.double()
        return work, model


class TestGraph(ClassifiedContract):
    @pytest.fixture(scope="class", params=["gcn", "gat"])
    def folder(self, request: pytest.FixtureRequest) -> Path:
        pytest.importorskip("torch_geometric")
        return Path(request.param)

    def bench(self, folder: Path) -> tuple[Workbench, ModelConfig]:
        return tinygraph.bench(folder.name), tinygraph.model(folder.name)


class TestDocuments(ProblemContract):
    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return save_model(tmp_path_factory.mktemp("model"))

    def bench(self, folder: Path) -> tuple[Workbench, ModelConfig]:
        work = Workbench(StudyData(documents(COUNT), halves(COUNT)), torch.device("cpu"))
        model = ModelConfig(str(folder), max_length=24)
        work.encoder(model).backbone.double()
        return work, model

    def expected(self, problem: Problem, pack: Pack, positions: np.ndarray) -> Scores:
        assert isinstance(problem, Extract)
        given, losses, texts = problem.documents, [], []
        for i in positions.tolist():
            sentences, marks = given.sentences[i], np.array(given.highlights[i])
            scores: list[list[float]] = [[] for _ in sentences]
            for row in problem.rows(np.array([i])).tolist():
                with torch.no_grad():
                    answer = problem.answer(pack, row).double().numpy().reshape(-1)
                for k in range(problem.windows.counts[row]):
                    scores[problem.windows.first[row] + k].append(float(answer[k]))
            means = np.array([np.mean(s) for s in scores])
            losses.append(float(np.mean(np.log1p(np.exp(means)) - means * marks)))
            texts.append(" ".join(sentences[k] for k in self.affordable(means, sentences, given.budget)))
        wanted = [given.references[i] for i in positions.tolist()]
        return {
            **{k: float(v.mean()) for k, v in rouge.f1(texts, wanted, ENGLISH).items()},
            "loss": float(np.mean(losses)),
        }

    @staticmethod
    def affordable(scores: np.ndarray, sentences: tuple[str, ...], budget: int) -> list[int]:
        """The best sentences that fit into the budget one after the other, in document order."""
        kept: list[int] = []
        for k in sorted(range(len(sentences)), key=lambda k: -scores[k]):
            if sum(ENGLISH.count(sentences[j]) for j in [*kept, k]) <= budget:
                kept.append(k)
        return sorted(kept)


class TestPairs(ProblemContract):
    @pytest.fixture(scope="class", params=["t5", "llama"])
    def folder(self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return save_writer(tmp_path_factory.mktemp("model"), request.param)

    def bench(self, folder: Path) -> tuple[Workbench, ModelConfig]:
        rng = np.random.default_rng(0)
        sources = tuple(" ".join(rng.choice(list("abcdef"), rng.integers(2, 6))) for _ in range(COUNT))
        targets = tuple(source[:3] for source in sources)
        pairs = Pairs(sources, targets, longest=5, prefix="y", suffix="z", metric="rougeL")
        work = Workbench(StudyData(pairs, halves(COUNT)), torch.device("cpu"))
        model = ModelConfig(str(folder), max_length=12)
        work.encoder(model).backbone.double()
        return work, model

    def expected(self, problem: Problem, pack: Pack, positions: np.ndarray) -> Scores:
        assert isinstance(problem, Generate)
        texts, losses = [], []
        for i in positions.tolist():
            texts += problem.write(pack, np.array([i]))
            with torch.no_grad():
                losses.append(float(problem.loss(pack, np.array([[i]]), torch.ones(1, 1, dtype=torch.float64))))
        wanted = [problem.pairs.targets[i] for i in positions.tolist()]
        return {
            **{k: float(v.mean()) for k, v in rouge.f1(texts, wanted, ENGLISH).items()},
            "loss": float(np.mean(losses)),
        }


@pytest.mark.parametrize("room", ["study.engine.problems", "study.models.kinds", "study.scoring.references"])
def test_a_kind_without_a_file_in_a_room_is_refused_there_by_name(room: str) -> None:
    with pytest.raises(ConfigError, match=rf"examples of the kind videos: have no {room.replace('.', '/')}/videos.py"):
        kinds.module(room, "videos")
