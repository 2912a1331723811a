"""Ranks by layer become few words, and come back."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from study.core.records import Adaptation
from study.core.site_ranks import compress, expand

PART = st.from_regex(r"[A-Za-z_][A-Za-z_0-9]{0,8}|0|[1-9][0-9]{0,3}|0[0-9]", fullmatch=True)
NAME = st.lists(PART, min_size=1, max_size=6).map(".".join)
LIMIT = 8000  # characters of an MLflow tag


@given(st.dictionaries(NAME, st.integers(1, 4096), max_size=300))
def test_ranks_of_layers_of_any_names_come_back(ranks: dict[str, int]) -> None:
    assert expand(compress(ranks)) == ranks


def test_layers_of_one_name_are_named_once_with_ranges_of_their_blocks() -> None:
    ranks = {f"layer.{block}.query": 2 if block == 6 else 8 for block in (0, 1, 2, 5, 6)}
    assert compress({**ranks, "pooler": 4}) == {"pooler": "4", "layer.{}.query": "2:6 8:0-2,5"}


@given(st.randoms(use_true_random=False))
def test_hundreds_of_layers_fit_into_a_tag_of_mlflow_even_with_ranks_at_random(source: random.Random) -> None:
    names = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    sites = [f"model.layers.{block}.self_attn.{name}" for block in range(80) for name in names]
    ranks = {site: source.choice((1, 2, 4, 8, 16, 32, 64, 128)) for site in sites}
    adaptation = Adaptation(ranks, 3, 10**9, 10**10, packs=False)
    text = adaptation.to_json()
    assert len(text) <= LIMIT
    assert Adaptation.from_json(text) == adaptation
