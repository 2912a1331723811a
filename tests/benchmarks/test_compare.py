"""The benchmark's arithmetic on made-up numbers, and a short run of both sides on real sentences."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))  # where Python finds them when they are run

import compare
import peak
import ratios
from ratios import Choice, Outcome, Row, Settings, Timing

TOP, ALL = Choice(2, "qv", "top-1"), Choice(8, "all-linear", "all")
OURS = Outcome(2.0, 100, 1.0, (0.5, 0.7), ((0, 1), (2, 3)), 10, 3 * 2**30)
PEER = Outcome(10.0, 100, 4.0, (0.6, 0.6), ((0, 1), (2, 3)), 10, 2**30)


def test_ratios_are_of_sums_and_starting_counts_in_all_alone() -> None:
    rows = [Row(TOP, OURS, PEER), Row(ALL, replace(OURS, seconds=8.0, train_seconds=7.0), PEER)]
    f = ratios.figures(rows)
    assert (f["ours"], f["peer"], f["wall_ratio"]) == (10.0, 20.0, 2.0)
    assert (f["ours_rate"], f["peer_rate"], f["rate_ratio"]) == (25.0, 25.0, 1.0)
    assert ratios.figures(rows, Timing(ours=2.0, peer=4.0))["wall_ratio"] == 2.0
    assert ratios.figures(rows, Timing(ours=0.0, peer=10.0))["wall_ratio"] == 3.0


def test_differences_of_scores_are_taken_in_pairs_of_folds() -> None:
    a = Row(TOP, replace(OURS, scores=(0.9, 0.5, 0.7)), replace(PEER, scores=(0.8, 0.5, 0.6)))
    b = Row(ALL, replace(OURS, scores=(0.7, 0.6, 0.5)), replace(PEER, scores=(0.6, 0.5, 0.6)))
    assert ratios.fold_differences([a, b]) == pytest.approx([0.1, 0.05, 0.0])
    f = ratios.figures([a, b])
    assert f["difference"] == pytest.approx(0.05)
    assert f["difference_se"] == pytest.approx(0.05 / math.sqrt(3))
    each = [np.std(o.scores, ddof=1) / math.sqrt(3) for r in (a, b) for o in (r.ours, r.peer)]
    assert f["score_se"] == pytest.approx(np.mean(each))


def test_a_difference_counts_in_standard_errors_even_where_there_is_none() -> None:
    assert ratios.in_errors(-0.1, 0.05) == 2.0
    assert ratios.in_errors(0.0, 0.0) == 0.0
    assert ratios.in_errors(0.1, 0.0) == math.inf


def test_scores_are_equal_within_one_standard_error_or_it_is_said() -> None:
    near = [Row(TOP, OURS, replace(PEER, scores=(0.58, 0.74)))]  # 0.06 apart, the errors 0.1 and 0.08
    far = [Row(TOP, OURS, replace(PEER, scores=(0.9, 0.9)))]
    assert ratios.equality_cells("x", near) == ["x", "-0.0600 ± 0.0200", "0.0900", "yes"]
    assert ratios.equality_cells("x", far)[-1] == "no"


def test_packs_share_the_workers_and_members_the_seconds_of_their_pack() -> None:
    alone = [(1.0, 4.0), (1.5, 4.0), (5.0, 4.0), (5.5, 4.0)]
    assert ratios.side_by_side(alone, workers=2) == 8.0
    assert ratios.side_by_side(alone[:1], workers=2) == 4.0
    packed = [(1.0, 2.0), (1.0, 2.0), (1.5, 3.0), (1.5, 3.0)]
    assert ratios.side_by_side(packed, workers=2) == 5.0
    assert ratios.side_by_side(packed[:2], workers=2) == 4.0


@pytest.mark.parametrize(
    "changed", [{"valid": ((0, 1), (3, 2))}, {"adapter": 11}, {"samples": 99}], ids=lambda c: next(iter(c))
)
def test_sides_that_did_different_work_are_not_compared(changed: dict[str, object]) -> None:
    ratios.check(Row(TOP, OURS, PEER))
    with pytest.raises(AssertionError, match=next(iter(changed))):
        ratios.check(Row(TOP, OURS, replace(PEER, **changed)))


def test_the_table_has_every_configuration_every_group_and_all() -> None:
    rows = [Row(TOP, OURS, PEER), Row(ALL, OURS, PEER)]
    text = ratios.render(Settings(), rows, Timing(ours=1.0, peer=5.0, workers=2, threads=4))
    first = text.split("\n\n")[1]
    lines = {line.split(" | ")[0].strip("| *"): line.split(" | ")[1:] for line in first.splitlines()}
    assert lines["r2 qv top-1"] == [
        "2.0", "10.0", "**5.00**", "100", "25", "4.00", "0.600 ± 0.100", "0.600 ± 0.000", "0.0 |",
    ]  # fmt: skip
    assert lines["layers=top-1"][:3] == lines["layers=all"][:3] == ["2.0", "10.0", "**5.00**"]
    assert lines["in all, with starting"][:3] == ["5.0", "25.0", "**5.00**"]
    assert "ours 3.00 GiB" in text
    assert "peer 1.00 GiB (its one process): ratio 0.33" in text


def test_rows_that_other_programs_disturbed_are_named() -> None:
    still = Row(TOP, OURS, replace(PEER, others=0.01))
    assert ratios.disturbances([still]).endswith("at most 1.0% of the processor time of the machine.")
    loud = ratios.disturbances([still, Row(ALL, replace(OURS, others=0.4), PEER)])
    assert "More than 5% during r8 all-linear all (ours, 40%): measure" in loud


class Recorder:
    """A side that only notes when it was asked."""

    def __init__(self, name: str, outcome: Outcome, log: list[str]) -> None:
        self.name, self.outcome, self.log = name, outcome, log

    def run(self, choice: Choice) -> Outcome:
        self.log.append(f"{self.name} {choice.rank}")
        return self.outcome


def test_the_sides_take_turns_and_swap_who_is_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "watched", lambda side, choice: side.run(choice))  # whatever else runs meanwhile
    log: list[str] = []
    rows = compare.in_turns(Recorder("ours", OURS, log), Recorder("peer", PEER, log), [TOP, ALL, TOP])
    assert log == ["ours 2", "peer 2", "peer 8", "ours 8", "ours 2", "peer 2"]
    assert [(r.ours.seconds, r.peer.seconds) for r in rows] == [(2.0, 10.0)] * 3


def test_a_peer_that_others_disturb_runs_again_and_its_best_time_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = iter([replace(PEER, seconds=90.0, others=0.4), replace(PEER, seconds=11.0, others=0.2), PEER])
    monkeypatch.setattr(compare, "watched", lambda side, choice: next(runs))
    assert compare.undisturbed(Recorder("peer", PEER, []), TOP) == PEER
    assert next(runs, None) is None
    runs = iter([replace(PEER, seconds=12.0, others=0.01), PEER])
    assert compare.undisturbed(Recorder("peer", PEER, []), TOP).seconds == 12.0


@pytest.mark.long
def test_both_sides_train_the_same_folds_and_as_many_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "TRIES", 1)  # other tests disturb it, which only times would show
    from tiny import adapted

    from study.config.compose import compose
    from study.config.schema import MethodConfig
    from study.search.planning import make_plan

    settings = Settings(examples=48, folds=2, epochs=1, ranks=(2,), layers=("top-half",), targets=("all-linear",))
    (row,), timing = compare.run(settings, tmp_path)
    plan = make_plan(compose(compare.overrides(settings, tmp_path)))
    assert row.peer.valid == row.ours.valid == tuple(tuple(f.valid.tolist()) for f in plan.folds)
    method = MethodConfig(rank=2, targets="all-linear", layers="top-half")
    adapter = adapted(method, plan.shapes.sites).trained
    assert row.peer.adapter == row.ours.adapter == adapter
    assert row.peer.samples == row.ours.samples == 48
    for outcome in (row.ours, row.peer):
        assert all(s * 24 == pytest.approx(round(s * 24)) for s in outcome.scores)  # of 24 scored sentences each
        assert 0 < outcome.train_seconds < outcome.seconds
        assert outcome.peak_bytes > 2**28
        assert math.isfinite(outcome.others)  # what other programs took of the cores
    assert min(timing.ours, timing.peer) > 0
    assert "**in all, with starting**" in ratios.render(settings, [row], timing)


def test_products_are_counted_forward_and_backward() -> None:
    x, w = torch.randn(5, 7), torch.randn(7, 3, requires_grad=True)
    assert peak.operations(lambda: x @ w) == 2 * 5 * 7 * 3
    assert peak.operations(lambda: (x @ w).sum().backward()) == 2 * 2 * 5 * 7 * 3  # x asks for no gradient


def test_attention_on_the_cpu_is_counted_too() -> None:
    q = torch.randn(2, 3, 11, 8, requires_grad=True)
    product = 2 * 2 * 3 * 11 * 11 * 8
    forward = peak.operations(lambda: torch.nn.functional.scaled_dot_product_attention(q, q, q))
    assert forward == 2 * product
    both = peak.operations(lambda: torch.nn.functional.scaled_dot_product_attention(q, q, q).sum().backward())
    assert both == 7 * product  # scores again, and a gradient on either side of both products


def test_the_rates_of_steps_are_shares_of_the_products() -> None:
    measured = peak.Measured(4e9, {step: (i + 1) * 1e9 for i, step in enumerate(peak.STEPS)})
    line = peak.render({"alone": measured}).splitlines()[-1]
    assert line == "| alone | 4 | 1 (25%) | 2 (50%) | 3 (75%) | 4 (100%) |"
