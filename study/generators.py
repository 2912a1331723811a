"""Models that write: encoder–decoder and decoder-only language models with their own, frozen, output layer."""

from __future__ import annotations

from typing import Any

import torch

from study import models
from study.config import ModelConfig
from study.errors import ConfigError
from study.models import Encoder


def load(model: ModelConfig) -> Encoder:
    """The language model, frozen, in evaluation mode and in `model.precision`, with its tokenizer."""
    from transformers import AutoTokenizer

    where, config = models.source(model.name), models.configured(model)
    kind = _class(model, config)
    if model.random_weights:
        torch.manual_seed(0)
        writer = kind.from_config(config)
    else:
        writer = kind.from_pretrained(where, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(where)
    return models.wrap(writer.to(getattr(torch, model.precision)), tokenizer, models.identity(model))


def shapes(model: ModelConfig) -> torch.nn.Module:
    """The language model without weights (meta device).

    Raises ConfigError where the model cannot write.
    """
    config = models.configured(model)
    with torch.device("meta"):
        return _class(model, config).from_config(config)  # type: ignore[no-any-return]


def left_to_right(config: Any) -> bool:
    """Whether the configuration is of a decoder-only model, of which a token knows those before it alone."""
    from transformers.models.auto import modeling_auto as auto

    # Encoders such as BERT have a class for writing too, but were never taught it.
    reads = config.model_type in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False)
    return config.model_type in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and not reads and not config.is_encoder_decoder


def _class(model: ModelConfig, config: Any) -> Any:
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    if config.is_encoder_decoder:
        return AutoModelForSeq2SeqLM
    if not left_to_right(config):
        rule = f"is of type {config.model_type}, which reads texts and does not write them"
        remedy = "write a T5, a BART or a decoder-only model such as gpt2, or task=summarization to choose sentences"
        raise ConfigError(f"model.name={model.name}", rule, remedy)
    return AutoModelForCausalLM
