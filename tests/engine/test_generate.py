"""Models that write: labels, shift, padding and generation are right, since tiny ones learn to copy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from heard import Heard
from tiny import WRITERS, configuration, member_of, save_writer

from study.config.members import Member
from study.config.schema import Configuration, ModelConfig
from study.core.errors import ConfigError
from study.core.records import Fold
from study.data.examples import Pairs
from study.engine.fit import Fit
from study.engine.problems.pairs import Generate
from study.engine.workbench import StudyData, Workbench
from study.models import generators
from study.text.rouge import ENGLISH, UNICODE, WORDS

Folders = Callable[[str], ModelConfig]


@pytest.fixture(scope="module")
def model_of(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    made: dict[str, Path] = {}

    def get(kind: str) -> ModelConfig:
        if kind not in made:
            made[kind] = save_writer(tmp_path_factory.mktemp(kind), kind)
        return ModelConfig(name=str(made[kind]), max_length=12)

    return get


def copies(count: int = 48) -> Pairs:
    """Two to five letters, to be written again."""
    rng = np.random.default_rng(0)
    texts = tuple(" ".join(rng.choice(list("abcdef"), rng.integers(2, 6))) for _ in range(count))
    return Pairs(texts, texts, longest=7, prefix="y", suffix="z", metric="rougeL")


def bench(pairs: Pairs | None = None) -> Workbench:
    pairs = pairs or copies()
    everything, half = np.arange(len(pairs)), np.arange(len(pairs)) < len(pairs) // 2
    folds = (Fold(0, everything, everything[:16]), Fold(1, np.flatnonzero(half), np.flatnonzero(~half)))
    return Workbench(StudyData(pairs, folds), torch.device("cpu"))


def of(model: ModelConfig, **values: object) -> Configuration:
    return replace(configuration(**values), model=model)


def opened(model: ModelConfig, work: Workbench | None = None, **values: object) -> tuple[Fit, Generate]:
    work = work or bench()
    fit = Fit([member_of(0, 0, of(model, **values), 0, work)], work)
    assert isinstance(fit.problem, Generate)
    return fit, fit.problem


@pytest.mark.parametrize("kind", WRITERS)
def test_the_loss_is_that_of_transformers_for_the_same_labels(kind: str, model_of: Folders) -> None:
    fit, problem = opened(model_of(kind), kind="lora", targets="all-linear")
    rows = np.array([0, 1, 2, 3, 4])
    ours = problem._losses(fit.pack, rows)
    model = fit.pack.backbone
    for row, loss in zip(rows, ours, strict=True):
        source = torch.from_numpy(problem.written.source.ids.rows()[row])[None]
        target = torch.from_numpy(problem.written.target.ids.rows()[row])[None]
        if problem.two_stacks:
            theirs = model(input_ids=source, labels=target).loss
        else:
            whole, labels = torch.cat([source, target], 1), torch.cat([torch.full_like(source, -100), target], 1)
            theirs = model(input_ids=whole, labels=labels).loss
        assert loss.item() == pytest.approx(theirs.item(), abs=1e-5)
    fit.pack.close()


@pytest.mark.parametrize("kind", WRITERS)
def test_what_is_written_for_a_row_does_not_depend_on_the_rows_beside_it(kind: str, model_of: Folders) -> None:
    fit, problem = opened(model_of(kind), kind="lora", targets="all-linear")
    rows = np.arange(12)
    with torch.no_grad():
        together = problem.write(fit.pack, rows)
        assert together == [problem.write(fit.pack, rows[[i]])[0] for i in range(12)]
    fit.pack.close()


def test_a_source_has_its_frame_even_where_it_is_cut(model_of: Folders) -> None:
    long = replace(copies(), sources=("a " * 30, *copies().sources[1:]))
    for kind, shown in {
        "t5": "y {} z </s>",
        "bart": "<s> y {} z </s>",
        "gpt2": "y {} z",
        "llama": "<s> y {} z",
    }.items():
        work = bench(long)
        fit, problem = opened(model_of(kind), work)
        first = problem.tokenizer.decode(problem.written.source.ids.rows()[0])
        letters = 12 - len(shown.split()) + 1
        assert first == shown.format(" ".join("a" * letters))
        assert problem.truncated == pytest.approx(1 / 48)
        assert "1 of 48 sources is longer" in work.notes[0]
        assert problem.tokenizer.decode(problem.written.target.ids.rows()[1]) == f"{long.targets[1]} </s>"
        fit.pack.close()


def test_what_is_written_is_scored_by_the_words_of_the_examples(
    model_of: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = ("привет мир", "我喜欢猫")
    scores = {}
    for words in WORDS.values():
        fit, problem = opened(model_of("gpt2"), bench(Pairs(targets, targets, longest=7, words=words, metric="rougeL")))
        monkeypatch.setattr(problem, "write", lambda _, rows: [targets[i] for i in rows])
        scores[words] = problem.scores(fit.pack, [np.arange(2)])[0].figures["rougeL"]
        fit.pack.close()
    assert scores == {ENGLISH: 0, UNICODE: 1}


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=[pytest.mark.long] * (kind != "gpt2")) for kind in WRITERS])
def test_a_tiny_model_learns_to_copy(kind: str, model_of: Folders) -> None:
    told = of(model_of(kind), kind="full", epochs=EPOCHS[kind], lr=4e-3, batch_size=16)
    told = told.with_values({"train.curves": True})
    work = bench()
    (course,) = Heard([member_of(0, 0, told, 0, work)], work).heard(lambda _, epoch: epoch.score == 1)
    assert course.scores["rougeL"] == 1
    assert course.scores["loss"] < 0.2


EPOCHS = {"t5": 200, "bart": 200, "gpt2": 200, "llama": 200}


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("targets", ["all-linear", "qv"])
def test_a_member_that_writes_learns_the_same_alone_and_in_a_pack(kind: str, targets: str, model_of: Folders) -> None:
    def trained(members: list[Member]) -> list[torch.Tensor]:
        work = bench()
        work.encoder(model_of(kind)).backbone.double()
        fit = Fit(members, work)
        fit.train_epoch()
        out = [packed.effective_weight(0) for packed in fit.pack.attached.values()]
        fit.pack.close()
        return out

    work = bench()
    first = member_of(0, 0, of(model_of(kind), kind="lora", rank=2, targets=targets, lr=1e-2), 1, work)
    second = member_of(1, 1, of(model_of(kind), kind="factorized", rank=3, lam=5.0, targets=targets), 2, work)
    alone, packed = trained([first]), trained([first, second])
    assert len(alone) == len(packed)
    assert all(torch.allclose(a, b, atol=1e-9, rtol=0) for a, b in zip(alone, packed, strict=True))


PARTS = {"encoder.qv": 4, "decoder.qv": 4, "cross.qv": 4, "qv": 12, "decoder.ffn": 4}


@pytest.mark.parametrize("kind", ["t5", "bart"])
@pytest.mark.parametrize("targets", PARTS)
def test_encoder_decoder_and_cross_attention_are_adapted_by_name(kind: str, targets: str, model_of: Folders) -> None:
    fit, _ = opened(model_of(kind), kind="lora", targets=targets)
    assert len(fit.pack.attached) == PARTS[targets]
    before = {name: packed.up.clone() for name, packed in fit.pack.attached.items()}
    fit.step([np.arange(8)])
    assert all(not torch.equal(packed.up, before[name]) for name, packed in fit.pack.attached.items())
    fit.pack.close()


def test_ranks_that_leave_every_layer_alone_are_refused_where_there_is_no_head(model_of: Folders) -> None:
    with pytest.raises(ConfigError, match="nothing would train"):
        opened(model_of("t5"), targets="all-linear", rank="all-linear:0")


def test_a_model_that_only_reads_is_refused(tmp_path: Path) -> None:
    from tiny import save_model

    with pytest.raises(ConfigError, match="type bert, which reads texts and does not write them"):
        generators.shapes(ModelConfig(name=str(save_model(tmp_path))))
