"""Whatever is not refused before the first trial trains: every family, every way to read it, every method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import FAMILIES, WRITERS, documents, letters, member_of, save_model, save_writer

from study.config.schema import POOLINGS, MethodConfig, ModelConfig, StudyConfig, TrainConfig
from study.config.space import parse_space
from study.core.errors import StudyError
from study.core.records import Fold
from study.data.examples import Examples, Pairs
from study.engine.train import train_pack
from study.engine.workbench import StudyData, Workbench
from study.models import backbones
from study.search.checks import check_trials

HALVES = (Fold(0, np.arange(8), np.arange(8, 16)), Fold(1, np.arange(8, 16), np.arange(8)))
EXAMPLES: dict[str, Examples] = {
    "texts": letters(16).examples,
    "documents": documents(16),
    "pairs": Pairs(tuple(f"a b {'c ' * i}".strip() for i in range(16)), ("b c",) * 16, longest=5, metric="rougeL"),
}
METHODS = [
    MethodConfig("lora", rank=2, targets="all-linear"),
    MethodConfig("factorized", rank=2, targets="all-linear", lam=1.0),
    MethodConfig("factorized", rank=2, targets="all-linear", residual="drop"),
    MethodConfig("full"),
    MethodConfig("head"),
]
CHOICES = [*product(POOLINGS, METHODS)]
APART = 7  # every seventh choice: neither poolings nor methods nor precisions come again in its step
MODELS = {**{k: partial(save_model, kind=k) for k in FAMILIES}, **{f"{k} writes": partial(save_writer, kind=k)
          for k in WRITERS}}  # fmt: skip


@pytest.fixture(scope="module", params=enumerate(MODELS), ids=list(MODELS))
def one(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelConfig, int]:
    """A model, and which of the choices are its to try: all are tried, not each by each model."""
    place, name = request.param
    save: Callable[[Path], Path] = MODELS[name]
    return ModelConfig(str(save(tmp_path_factory.mktemp("model"))), max_length=24), place


def refused(config: StudyConfig, examples: Examples) -> bool:
    try:
        check_trials(config, parse_space(config), examples, lambda model: backbones.geometry(model, examples))
    except StudyError:
        return True
    return False


@pytest.mark.parametrize("kind", EXAMPLES)
def test_what_is_not_refused_trains(kind: str, one: tuple[ModelConfig, int]) -> None:
    (model, place), examples, trained = one, EXAMPLES[kind], 0
    bench = Workbench(StudyData(examples, HALVES), torch.device("cpu"))
    for i, (pooling, method) in list(enumerate(CHOICES))[place % APART :: APART]:
        precision = "bfloat16" if i % 2 else "float32"
        train = TrainConfig(epochs=1, batch_size=4, dropout=0.1 if i % 4 else 0.0)
        config = replace(
            StudyConfig(), model=replace(model, pooling=pooling, precision=precision), method=method, train=train
        )
        if refused(config, examples):
            continue
        (result,) = train_pack([member_of(0, 1, config.configuration, 0, bench)], bench)
        assert result.error is None, (pooling, method, precision)
        trained += 1
    assert trained or kind == "pairs"  # of which most families can write none
