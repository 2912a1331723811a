"""What --targets says is what is adapted."""

from __future__ import annotations

import pytest
from tiny import FAMILIES, PAIRS, Odd, adapted, backbone, pair

from study.commands import targets
from study.config.schema import MethodConfig
from study.config.targets import GROUPS
from study.models import encoders
from study.models.targets import LinearSite, matches


def sites_of(kind: str) -> tuple[LinearSite, ...]:
    return encoders.linear_sites(pair(kind.removesuffix(" whole")) if kind.endswith(" whole") else backbone(kind))


@pytest.mark.parametrize("rank", [2, "qv:3,all-linear:1"])
@pytest.mark.parametrize("kind", [*FAMILIES, *(f"{kind} whole" for kind in PAIRS)])
def test_the_rows_of_a_group_add_up_to_what_training_counts(kind: str, rank: int | str) -> None:
    sites = sites_of(kind)
    for group in GROUPS:
        rows = targets.rows(group, sites, rank)
        matched = [s for s in sites if matches(group, s)]
        assert sum(row.blocks for row in rows) == len(matched)
        assert sum(row.weight for row in rows) == sum(s.inputs * s.outputs for s in matched)
        if matched:
            method = MethodConfig(rank=rank, targets=group)
            assert sum(row.lora or 0 for row in rows) == adapted(method, sites).trained


def test_layers_that_a_pattern_gives_no_rank_have_no_number() -> None:
    assert [row.lora for row in targets.rows("ffn", sites_of("bert"), "qv:2")] == [None, None]


def test_notes_say_what_is_fused_unknown_or_in_parts() -> None:
    def said(kind: str) -> str:
        return " ".join(targets.notes(sites_of(kind)))

    assert "attn.c_attn: one matrix makes queries, keys and values, so qv adapts it whole" in said("gpt2")
    assert "attn.Wqkv: one matrix" in said("modernbert")
    assert "decoder.qv" in said("bart whole")
    assert not [word for word in ("one matrix", "not known", "decoder") if word in said("bert")]
    odd = " ".join(targets.notes(encoders.linear_sites(Odd())))
    assert "In this model qv, attention, ffn match nothing." in odd
    assert "only all-linear and their names reach them: mix, out." in odd
