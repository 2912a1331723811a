"""How many tokens and positions a model can look up is what it really can: one more fails, in every family."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny import FAMILIES, PAIRS, SIZES, SMALL_IDS, VOCABULARY
from torch import nn

from study.models.tables import Tables, tables

OPT = {**SIZES, **SMALL_IDS, "ffn_dim": 32, "word_embed_proj_dim": 8}
SHORT: dict[str, dict[str, object]] = {
    **FAMILIES,
    "distilbert": {**FAMILIES["distilbert"], "max_position_embeddings": 40},
    "sinusoidal distilbert": {
        **FAMILIES["distilbert"], "max_position_embeddings": 40, "sinusoidal_pos_embds": True,
    },
    "bart whole": PAIRS["bart"],
    "t5 whole": PAIRS["t5"],
    "xlm-roberta": SIZES,
    "opt": OPT,
    "longformer": {**SIZES, "attention_window": 4},
    "nystromformer": SIZES,
    "relative deberta-v2": {**FAMILIES["deberta-v2"], "position_biased_input": False},
    "marian": PAIRS["bart"],
    "gpt_neo": {
        "vocab_size": VOCABULARY, "hidden_size": 16, "num_layers": 2, "num_heads": 2, "max_position_embeddings": 40,
        "attention_types": [[["global"], 2]], **SMALL_IDS,
    },
    "bloom": {"vocab_size": VOCABULARY, "hidden_size": 16, "n_layer": 2, "n_head": 2, **SMALL_IDS},
}  # fmt: skip
UNBOUNDED = {"modernbert", "llama", "qwen2", "qwen3", "t5", "t5 whole", "relative deberta-v2", "bloom"}
OFFSET = {"roberta", "xlm-roberta", "mpnet", "longformer"}  # two of their 40 rows stand for padding


def made(kind: str, device: str) -> Any:
    from transformers import CONFIG_MAPPING, AutoModel

    config = CONFIG_MAPPING[kind.removeprefix("relative ").removeprefix("sinusoidal ").removesuffix(" whole")]
    with torch.device(device):
        model = AutoModel.from_config(config(**SHORT[kind])).eval()
    read_alone = model.config.is_encoder_decoder and kind in FAMILIES
    return model.get_encoder() if read_alone else model


def readable(stack: Any, count: int, token: int = 5) -> bool:
    """Whether the stack reads a row of so many tokens."""
    config = stack.config
    seen = {"encoder_hidden_states": torch.zeros(1, 2, 16)} if getattr(config, "is_decoder", False) else {}
    ids = torch.full((1, count), token)
    try:
        with torch.no_grad():
            stack(input_ids=ids, attention_mask=torch.ones_like(ids), **seen)
    except (IndexError, RuntimeError):
        return False
    return True


def stack_of(model: Any, part: str) -> nn.Module:
    readers = {"encoder": "get_encoder", "decoder": "get_decoder"}
    stack: nn.Module = getattr(model, readers[part])() if part else model
    return stack


@pytest.mark.parametrize("kind", SHORT)
def test_a_model_reads_as_many_positions_as_are_found_and_no_more(kind: str) -> None:
    looked_up, model = tables(made(kind, "meta")), made(kind, "cpu")
    assert [t.part for t in looked_up] == (
        ["encoder", "decoder"] if kind in ("bart whole", "t5 whole", "marian") else [""]
    )
    for table in looked_up:
        stack = stack_of(model, table.part)
        if kind in UNBOUNDED:
            assert table.positions is None
            assert readable(stack, 100)
        else:
            assert table.positions == (38 if kind in OFFSET else 40)
            assert readable(stack, table.positions)
            assert not readable(stack, table.positions + 1)


@pytest.mark.parametrize("kind", SHORT)
def test_a_model_reads_the_token_ids_that_are_found_and_no_other(kind: str) -> None:
    looked_up, model = tables(made(kind, "meta")), made(kind, "cpu")
    for table in looked_up:
        assert table.tokens == VOCABULARY
        assert readable(stack_of(model, table.part), 4, VOCABULARY - 1)
        assert not readable(stack_of(model, table.part), 4, VOCABULARY)


def test_what_is_found_does_not_depend_on_whether_the_weights_are_there() -> None:
    for kind in ("bert", "roberta", "gpt2", "bart whole"):
        assert tables(made(kind, "cpu")) == tables(made(kind, "meta"))


def test_a_model_that_cannot_be_tried_alone_has_no_bound_that_is_known() -> None:
    class Blocks(nn.Module):
        """Wants more than token ids."""

        def __init__(self) -> None:
            super().__init__()
            self.config = type("Config", (), {"model_type": "odd", "num_hidden_layers": 1})()
            self.blocks = nn.ModuleList([nn.Linear(2, 2)])

        def forward(self, input_ids: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
            raise AssertionError

    assert tables(Blocks()) == (Tables("", None, None),)
