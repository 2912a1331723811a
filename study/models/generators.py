"""Models that write: encoder–decoder and decoder-only language models with their own, frozen, output layer."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from study.config.schema import ModelConfig
from study.core.errors import ConfigError
from study.models import encoders, hub
from study.models.encoders import Encoder

if TYPE_CHECKING:
    import torch


def load(model: ModelConfig) -> Encoder:
    """The language model, frozen, in evaluation mode and in `model.precision`, with its tokenizer."""
    return encoders.open_encoder(model, hub.load_model(model, _class(model, hub.configuration(model))))


def shapes(model: ModelConfig) -> torch.nn.Module:
    """The language model without weights (meta device).

    Raises ConfigError where the model cannot write.
    """
    import torch

    config = hub.configuration(model)
    with torch.device("meta"):
        return hub.from_configuration(model, _class(model, config))  # type: ignore[no-any-return]


def start(model: ModelConfig) -> int:
    """The token id that the decoder of an encoder–decoder model is given first; 0 for other models.

    Raises ConfigError where the model's settings name none.
    """
    from transformers import GenerationConfig

    config = hub.configuration(model)
    if not config.is_encoder_decoder:
        return 0
    settings: list[Any] = [config]
    with suppress(OSError):  # a model need not come with settings of its own for writing
        settings.insert(0, GenerationConfig.from_pretrained(hub.source(model.name)))
    known = next((k for s in settings if (k := getattr(s, "decoder_start_token_id", None)) is not None), None)
    if known is None:
        rule = "does not say what its decoder is given first, so that it cannot write"
        remedy = "write decoder_start_token_id into its config.json (of a T5, the id of its padding)"
        raise ConfigError(f"model.name={model.name}", rule, remedy)
    return int(known)


def left_to_right(config: Any) -> bool:
    """Whether the configuration is of a decoder-only model, in which a token reads those before it alone."""
    from transformers.models.auto import modeling_auto as auto

    # Encoders such as BERT have a class for writing too, but were never taught it.
    reads = config.model_type in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False)
    return config.model_type in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and not reads and not config.is_encoder_decoder


def first_token(writer: Any) -> int:
    """The token id that the decoder of a loaded encoder–decoder model is given first."""
    start_id = writer.generation_config.decoder_start_token_id
    return int(writer.config.decoder_start_token_id if start_id is None else start_id)


def write(writer: Any, ids: torch.Tensor, mask: torch.Tensor, longest: int, pad: int) -> torch.Tensor:
    """New token ids [n, ...], at most `longest`, that the model writes for sources [n, T].

    Sources are padded at their ends. The model follows its own generation settings, but for sampling, which is off.
    """
    if not writer.config.is_encoder_decoder:  # what is written goes on where the source ends: padding comes first
        order = mask.argsort(dim=1, stable=True)
        ids, mask = ids.gather(1, order), mask.gather(1, order)
    out: torch.Tensor = writer.generate(
        input_ids=ids, attention_mask=mask, do_sample=False, max_new_tokens=longest, pad_token_id=pad
    )
    return out if writer.config.is_encoder_decoder else out[:, ids.shape[1] :]


def _class(model: ModelConfig, config: Any) -> Any:
    """The class of transformers that loads the model for writing; ConfigError where the model does not write."""
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    if config.is_encoder_decoder:
        return AutoModelForSeq2SeqLM
    if not left_to_right(config):
        rule = f"is of type {config.model_type}, which reads texts and does not write them"
        remedy = "write a T5, a BART or a decoder-only model such as gpt2, or task=summarization to choose sentences"
        raise ConfigError(f"model.name={model.name}", rule, remedy)
    return AutoModelForCausalLM
