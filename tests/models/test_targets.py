"""Targets, layers and ranks on models of one and of two stacks, and on one that nobody knows."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny import Odd, adapted, encoder, pair
from torch import nn

from study.config.schema import MethodConfig
from study.config.targets import GROUPS
from study.core.errors import ConfigError
from study.models import encoders, families
from study.models.linear import is_linear, matrix
from study.models.targets import LinearSite, matches, select_layers, select_ranks

BERT = encoder().sites
T5 = encoders.linear_sites(pair("t5"))  # three blocks in the encoder, two in the decoder


def lora(**values: Any) -> MethodConfig:
    return MethodConfig(**{"rank": 1, **values})


def ranks(rank: Any, targets: str = "all-linear", sites: tuple[LinearSite, ...] = BERT) -> dict[str, int]:
    """The rank of each layer of the lowest block."""
    given = select_ranks(lora(rank=rank, targets=targets), sites)
    return {s.within: r for s, r in given.items() if s.layer == 0}


def test_no_end_of_a_name_has_two_roles() -> None:
    ends = [(end, role) for names in families.NAMES.values() for role, ends in names.items() for end in ends.split()]
    assert len(set(ends)) == len({end for end, _ in ends})
    assert {role for _, role in ends} | {"", "conv"} == set(GROUPS["all-linear"])


def test_a_role_is_told_by_the_longest_end_and_never_guessed() -> None:
    told = {
        "attention.output.dense": "o",
        "output.dense": "f",
        "mixer.in_proj": "",
        "dense": "",
        "x.self_attn.q_proj": "q",
    }
    assert {name: families.role(name) for name in told} == told


def test_the_first_key_that_matches_gives_the_rank_and_zero_leaves_alone() -> None:
    assert ranks({"query": 4, "attention": 2, "ffn": 0}) == {
        "attention.self.query": 4, "attention.self.key": 2, "attention.self.value": 2, "attention.output.dense": 2,
    }  # fmt: skip
    assert ranks({"attention": 2, "query": 4, "all-linear": 3})["attention.self.query"] == 2
    assert ranks({r".*\.0\..*": 3, "all-linear": 1})["output.dense"] == 3
    assert ranks({"attention": 2, "ffn": 1}, "qv") == {"attention.self.query": 2, "attention.self.value": 2}
    assert ranks({"attention": 0, "ffn": 0}) == {}


def test_the_ranks_of_parts_are_told_apart() -> None:
    given = select_ranks(lora(rank={"decoder.qv": 4, "cross.attention": 2, "all-linear": 1}, targets="qv"), T5)
    assert {s.part: r for s, r in given.items()} == {"encoder": 1, "decoder": 4, "cross": 2}


def test_a_part_stands_before_a_group_or_a_name() -> None:
    def parts(target: str) -> set[str]:
        return {s.part for s in T5 if matches(target, s)}

    assert parts("qv") == {"encoder", "decoder", "cross"}
    assert parts("decoder.qv") == parts("decoder.SelfAttention.q") == parts("decoder.ffn") == {"decoder"}
    assert parts("cross.k") == parts("EncDecAttention.k") == {"cross"}
    assert parts(r"encoder\..*") == {"encoder"}
    assert parts("cross.ffn") == set()


def test_parameters_are_counted_rank_by_rank() -> None:
    method = lora(rank={"qv": 3, "ffn": 2, "all-linear": 0}, targets="all-linear")
    assert adapted(method, BERT).trained == 3 * (2 * 3 * (16 + 16) + 2 * 2 * (16 + 32))
    dropped = MethodConfig(kind="factorized", residual="drop", rank={"ffn": 2}, targets="ffn")
    assert adapted(dropped, BERT).stored == 3 * 2 * (2 * (16 + 32) - 16 * 32)


def test_layers_of_two_stacks_are_taken_from_the_top_of_each() -> None:
    chosen = select_ranks(lora(targets="ffn", layers="top-half"), T5)
    assert sorted({(s.stack, s.layer) for s in chosen}) == [("decoder", 1), ("encoder", 2)]
    assert len(select_ranks(lora(targets="encoder.ffn", layers="top-3"), T5)) == 6
    with pytest.raises(ConfigError, match="model of 2"):
        select_ranks(lora(targets="decoder.ffn", layers="top-3"), T5)


def test_a_decoders_blocks_lie_above_its_encoders() -> None:
    assert adapted(lora(targets="decoder.qv"), T5, 5).lowest == 3
    assert adapted(lora(targets="cross.qv", layers="top-1"), T5, 5).lowest == 4
    assert adapted(lora(targets="qv", layers="top-1"), T5, 5).lowest == 2
    assert adapted(MethodConfig(kind="head"), T5, 5).lowest == encoders.depth(pair("t5")) == 5
    assert adapted(lora(rank={"qv": 0}), BERT, 3).lowest == 3


@pytest.mark.parametrize(
    ("spec", "count", "wanted"), [("all", 3, [0, 1, 2]), ("top-half", 3, [2]), ("top-2", 3, [1, 2])]
)
def test_layers_are_counted_from_the_top(spec: str, count: int, wanted: list[int]) -> None:
    assert list(select_layers(spec, count)) == wanted


def test_of_an_unknown_architecture_only_all_linear_and_names_are_known() -> None:
    sites = encoders.linear_sites(Odd())
    assert len(select_ranks(lora(targets="all-linear"), sites)) == 4
    assert [s.name for s in select_ranks(lora(targets="mix"), sites)] == ["blocks.0.mix", "blocks.1.mix"]
    assert [s.name for s in select_ranks(lora(targets=r".*1\.out"), sites)] == ["blocks.1.out"]
    for group in ("qv", "attention", "ffn"):
        with pytest.raises(ConfigError, match=r"does not know; choose one of all-linear, or one of mix, out\."):
            select_ranks(lora(targets=group), sites)


ERRORS = {
    "zzz": "matches no linear layer of this model; choose one of qv, attention, ffn, all-linear, or one of attention",
    "conv": "matches no linear layer of this model",
    "decoder.qv": "matches no linear layer of this model",
    "(": "no valid regular expression",
}


@pytest.mark.parametrize("target", ERRORS)
def test_a_target_that_matches_nothing_is_an_error_with_a_remedy(target: str) -> None:
    with pytest.raises(ConfigError, match=ERRORS[target]):
        select_ranks(lora(targets=target), BERT)


def test_a_layer_that_only_lower_blocks_have_is_not_in_the_top_ones() -> None:
    with pytest.raises(ConfigError, match=r"no linear layer of method\.layers=top-1; write method\.layers=all"):
        select_ranks(lora(targets=r".*\.0\..*query", layers="top-1"), BERT)


def test_a_pattern_must_fit_the_model_and_the_targets() -> None:
    for rank, rule in {
        "attention:1": r"gives no rank to intermediate.dense, output.dense, which method.targets=all-linear adapts",
        "attention:1,zzz:2,ffn:1": "zzz matches no linear layer",
        "attention:1,ffn:17": r"exceeds min\(in, out\) = 16",
    }.items():
        with pytest.raises(ConfigError, match=rule):
            ranks(rank)


def test_a_transposed_weight_is_written_through_its_matrix() -> None:
    from transformers.pytorch_utils import Conv1D

    layer = Conv1D(3, 2)
    assert is_linear(layer)
    wanted = torch.arange(6.0).view(3, 2)
    with torch.no_grad():
        matrix(layer).copy_(wanted)
    assert torch.equal(layer.weight, wanted.mT)
    assert torch.allclose(layer(torch.eye(2)), wanted.mT)


def test_what_is_no_linear_layer_has_no_matrix() -> None:
    for module in (nn.Embedding(3, 2), nn.Conv1d(2, 3, 1), nn.LayerNorm(3)):
        assert not is_linear(module)
        with pytest.raises(TypeError, match="is no linear layer"):
            matrix(module)
