"""Packs are a function of the round, hold only members that share a frozen prefix, and never of timing."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import configuration, member_of, save_model

from study.config.members import Member
from study.config.schema import Configuration, ModelConfig
from study.models import encoders
from study.models.backbones import Geometry
from study.search import packing

LAYERS = ("all", "top-half", "top-1")
CONFIGURATIONS = [
    *(configuration(kind="lora", layers=layers, rank=r) for layers in LAYERS for r in (2, 4)),
    configuration(kind="factorized", layers="top-1", targets="all-linear"),
    configuration(kind="head"),
    configuration(kind="full"),
]
MODEL = Geometry(*encoders.geometry(ModelConfig()))
ROUND = [member_of(t, f, c, seed=f, on=MODEL) for t, c in enumerate(CONFIGURATIONS) for f in range(3)]


def names(packs: list[list[Member]]) -> list[list[tuple[int, int]]]:
    return [[(m.trial, m.fold) for m in pack] for pack in packs]


@given(st.permutations(ROUND), st.integers(1, 9))
def test_packs_do_not_depend_on_the_order_of_the_members(members: list[Member], size: int) -> None:
    packs = packing.compose(members, lambda group, theirs: size)
    assert names(packs) == names(packing.compose(ROUND, lambda group, theirs: size))
    assert sorted(n for pack in names(packs) for n in pack) == [(m.trial, m.fold) for m in ROUND]


def test_members_meet_only_above_the_same_prefix_and_full_trains_alone() -> None:
    packs = packing.compose(ROUND, lambda group, theirs: 100)
    met = {frozenset(m.trial for m in pack) for pack in packs}
    assert met == {frozenset(s) for s in ((0, 1), (2, 3), (4, 5, 6), (7,), (8,))}
    assert [len(p) for p in packs if p[0].configuration.method.kind == "full"] == [1, 1, 1]


def test_members_of_a_fold_come_together_since_their_batches_are_the_same() -> None:
    packs = packing.compose(ROUND[:6], lambda group, theirs: 2)
    assert names(packs) == [[(0, 0), (1, 0)], [(0, 1), (1, 1)], [(0, 2), (1, 2)]]


def test_a_group_is_asked_once_for_its_size_and_the_longest_come_first() -> None:
    asked: list[tuple[str, int]] = []

    def size_of(group: str, theirs: list[Member]) -> int:
        asked.append((group, len(theirs)))
        return 2

    packs = packing.compose(ROUND, size_of)
    assert sorted(count for _, count in asked) == [3, 6, 6, 9]
    kinds = [p[0].configuration.method.kind for p in packs]
    assert kinds[:3] == ["full"] * 3
    assert kinds[-1] == "head"
    depths = [LAYERS.index(p[0].configuration.method.layers) for p in packs if p[0].configuration.method.kind == "lora"]
    assert all(a <= b for a, b in pairwise(depths))


@pytest.mark.parametrize("change", [{"precision": "bfloat16"}, {"pooling": "cls"}, {"max_length": 64}])
def test_another_reading_of_the_texts_is_another_group(change: dict[str, object]) -> None:
    one = Configuration()
    other = replace(one, model=replace(one.model, **change))  # type: ignore[arg-type]
    assert packing.group_of(member_of(0, 0, one, 0)) != packing.group_of(member_of(0, 0, other, 0))


def test_members_that_adapt_relative_positions_train_alone_and_the_others_beside_them_together(tmp_path: Path) -> None:
    model = ModelConfig(str(save_model(tmp_path, "deberta-v2")))
    targets = ("all-linear", "attention", "pos_key_proj", "qv", "ffn")
    told = [replace(configuration(rank=2, targets=t), model=model) for t in targets]
    geometry = Geometry(*encoders.dimensions(encoders.shapes(model)))
    packs = packing.compose([member_of(i, 0, c, 0, geometry) for i, c in enumerate(told)], lambda group, theirs: 100)
    assert sorted(sorted(m.trial for m in pack) for pack in packs) == [[0], [1], [2], [3, 4]]
