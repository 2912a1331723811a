"""Any encoder of a known family loads by path, and its layers are named alike."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny import frozen, letters, save_model

from study.config.schema import ModelConfig
from study.core.errors import AssetError
from study.engine.workbench import Workbench
from study.models import encoders

FAMILIES = ("bert", "roberta", "distilbert", "albert")


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModelConfig:
    return ModelConfig(name=str(save_model(tmp_path_factory.mktemp(request.param), request.param)))


def test_shapes_are_known_before_the_weights_are_loaded(model: ModelConfig) -> None:
    sites, _, parameters = encoders.geometry(model)
    encoder = encoders.load(model)
    assert sites == encoder.sites
    assert parameters == sum(p.numel() for p in encoder.backbone.parameters())
    assert not any(p.requires_grad for p in encoder.backbone.parameters())


def test_a_bench_reads_texts_with_the_models_own_tokenizer(model: ModelConfig) -> None:
    work = frozen(Workbench(letters(), torch.device("cpu")), model)
    assert work.tokens.lengths.tolist() == [6] * 24
    assert work.pooled_rows().values.shape == (24, 16)


def test_the_fingerprint_is_that_of_the_weights(tmp_path: Path) -> None:
    model = ModelConfig(name=str(save_model(tmp_path)))
    first = encoders.fingerprint(model)
    assert encoders.fingerprint(model) == first
    other = encoders.load(model).backbone
    other.embeddings.word_embeddings.weight[5, 5] += 1  # type: ignore[union-attr,operator,index]
    other.save_pretrained(tmp_path)
    assert encoders.fingerprint(model) != first


def test_a_model_that_nobody_knows_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="is neither an embedded model"):
        encoders.geometry(ModelConfig(name=str(tmp_path)))
