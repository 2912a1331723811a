"""Choices that are measured: how many members pay in one pack, and which precision."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from tiny import configuration, member_of, workbench

from study.config.members import Member
from study.engine.costs import probe

MEMBER = member_of(0, 0, configuration(), 1)


@pytest.mark.parametrize(
    ("seconds", "most", "chosen"),
    [
        ({1: 1.0, 2: 2.0, 4: 4.0}, 8, 1),  # twice the members take twice the time: nothing is won
        ({1: 1.0, 2: 1.1, 4: 1.2, 8: 2.4}, 8, 4),
        ({1: 1.0, 2: 1.0, 4: 1.0, 8: 1.0}, 8, 8),
        ({1: 1.0, 2: 1.0, 4: 1.0}, 7, 4),
        ({1: 1.0, 2: 1.5, 4: 3.0}, 8, 2),  # a third more a second, then nothing more
        ({1: 1.0}, 1, 1),
    ],
)
def test_a_pack_is_doubled_while_that_pays(
    seconds: dict[int, float], most: int, chosen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "_seconds", lambda member, size, bench: seconds[size])
    assert probe.pack_size(MEMBER, most, workbench()) == chosen


def test_a_pack_stays_as_large_as_the_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    def seconds(member: Member, size: int, bench: object) -> float:
        if size > 2:
            raise torch.OutOfMemoryError("full")
        return 1.0

    monkeypatch.setattr(probe, "_seconds", seconds)
    assert probe.pack_size(MEMBER, 64, workbench()) == 2


def test_a_probe_leaves_the_bench_as_it_was() -> None:
    bench = workbench()
    backbone = bench.encoder(MEMBER.configuration.model).backbone
    before = {k: v.clone() for k, v in backbone.state_dict().items()}
    assert probe.pack_size(MEMBER, 2, bench) in (1, 2)
    after = backbone.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(before[k], v) for k, v in after.items())


@pytest.mark.parametrize(("half", "chosen"), [(0.4, "bfloat16"), (0.95, "float32"), (8.0, "float32")])
def test_the_precision_is_the_one_that_multiplies_clearly_faster(
    half: float, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "time_of", lambda work, device: half if work().dtype == torch.bfloat16 else 1.0)
    monkeypatch.setattr(probe, "SIDES", (2, 4))
    assert probe.precision(torch.device("cpu")) == chosen


@pytest.mark.parametrize(("half", "tried"), [(0.4, [2, 4, 8]), (1.5, [2, 4, 8]), (20.0, [2])])
def test_a_precision_that_is_hopelessly_slow_is_tried_on_the_smallest_product_alone(
    half: float, tried: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    products: list[int] = []

    def timed(work: Callable[[], torch.Tensor], device: torch.device) -> float:
        made = work()
        if made.dtype == torch.bfloat16:
            products.append(len(made))
        return half if made.dtype == torch.bfloat16 else 1.0

    monkeypatch.setattr(probe, "time_of", timed)
    monkeypatch.setattr(probe, "SIDES", (2, 4, 8))
    probe.precision(torch.device("cpu"))
    assert products == [side for side in tried for _ in range(1 + probe.TRIES)]
