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


def _class(model: ModelConfig, config: Any) -> Any:
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM
    from transformers.models.auto import modeling_auto as auto

    if config.is_encoder_decoder:
        return AutoModelForSeq2SeqLM
    # Encoders such as BERT have a class for left-to-right writing too, but were never taught it.
    taught = config.model_type in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    reads_only = config.model_type in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False)
    if not taught or reads_only:
        rule = f"is of type {config.model_type}, which reads texts and does not write them"
        remedy = "write a T5, a BART or a decoder-only model such as gpt2, or task=summarization to choose sentences"
        raise ConfigError(f"model.name={model.name}", rule, remedy)
    return AutoModelForCausalLM
