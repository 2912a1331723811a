"""A member's result does not depend on its pack, and the optimizer is AdamW."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from heard import Heard
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import FAMILIES, configuration, member_of, predicted, unfit, workbench

from study.config.members import Member
from study.config.schema import EngineConfig, ModelConfig
from study.core.answers import Scored
from study.core.records import Epoch, FoldResult
from study.engine import train
from study.engine.batches import scoring_batches, training_batches
from study.engine.fit import Fit
from study.engine.optim import PackedAdamW
from study.engine.pack import Pack
from study.engine.problems.texts import Classify
from study.engine.train import train_pack
from study.engine.workbench import Workbench
from study.methods.layers.packed import PackedLinear

MIXED = [
    configuration(kind="lora", rank=2, targets="qv", layers="all"),
    configuration(kind="lora", rank=5, targets="all-linear", layers="top-1", lam=3.0, lr=1e-2),
    configuration(kind="factorized", rank=3, targets="ffn", lam=50.0, epochs=3),
    configuration(kind="factorized", rank=4, residual="drop", targets="attention", layers="top-half", batch_size=5),
    configuration(kind="head", lr=3e-2),
    configuration(kind="lora", rank=1, targets="attention", lam=0.1, dropout=0.3),
    configuration(kind="factorized", rank=6, targets="all-linear", lr=1e-3, weight_decay=0.1, clip=0.05),
    configuration(kind="lora", rank=3, targets="all-linear", dropout=0.1, warmup=0.5, epochs=1),
]
MEMBERS = [member_of(i, i % 3, c, seed=i) for i, c in enumerate(MIXED)]
Outcome = dict[str, torch.Tensor]


def outcomes(members: list[Member], **knobs: int) -> list[Outcome]:
    """Every member's effective weights and head when it leaves the pack."""
    bench = workbench()
    bench.engine = EngineConfig(**knobs)
    fit, taken = Heard(members, bench), {}

    def hear(member: Member, epoch: Epoch) -> bool:
        if epoch.epoch == member.configuration.train.epochs:
            taken[member.trial] = state(fit, fit.pack.members.index(member))
        return False

    fit.heard(hear)
    return [taken[m.trial] for m in members]


def state(fit: Fit, place: int) -> Outcome:
    weights = {site.name: fit.encoder.backbone.get_submodule(site.name) for site in fit.encoder.sites}
    base = {
        name: (m.effective_weight(place) if isinstance(m, PackedLinear) else m.weight).detach()
        for name, m in weights.items()
    }
    return {**base, "head": fit.pack.head[place].detach().clone(), "bias": fit.pack.bias[place].detach().clone()}


def assert_same(one: Outcome, other: Outcome) -> None:
    for name, weight in one.items():
        assert torch.allclose(other[name], weight, atol=1e-9, rtol=0), name


@cache
def alone(i: int) -> Outcome:
    return outcomes([MEMBERS[i]])[0]


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(len(MIXED))), st.sampled_from([2, 3, 8]))
def test_a_member_is_the_same_alone_and_among_mixed_companions(order: list[int], size: int) -> None:
    for i, packed in zip(order, outcomes([MEMBERS[i] for i in order[:size]]), strict=False):
        assert_same(alone(i), packed)


ALIKE = [
    {"kind": "lora", "rank": 2, "targets": "all-linear"},
    {"kind": "factorized", "rank": 4, "targets": "ffn"},
    {"kind": "factorized", "rank": 4, "residual": "drop", "targets": "attention"},
    {"kind": "head"},
    {"kind": "full", "lr": 1e-3},
]


@pytest.mark.parametrize("method", ALIKE, ids=lambda m: "-".join(map(str, m.values())))
@pytest.mark.parametrize("clip", [0.05, 1e12])
def test_the_task_loss_alone_is_the_limit_of_a_large_lambda(method: dict[str, object], clip: float) -> None:
    near, limit = (outcomes([member_of(0, 0, configuration(**method, clip=clip, lam=x), 1)])[0] for x in (1e12, None))
    for name, weight in limit.items():
        assert torch.allclose(near[name], weight, atol=1e-7, rtol=0), name


@pytest.mark.parametrize("kind", ["head", "full"])
def test_where_nothing_is_held_to_a_target_lambda_changes_nothing(kind: str) -> None:
    small, large = (
        outcomes([member_of(0, 0, configuration(kind=kind, lam=x, clip=0.05), 1)])[0] for x in (0.01, 100.0)
    )
    assert_same(small, large)


def test_the_gradient_that_is_clipped_is_that_of_the_task_loss_whatever_lambda() -> None:
    norms = []
    for lam in (None, 1e3, 1e6):
        fit = Fit([member_of(0, 0, configuration(kind="factorized", targets="qv", lam=lam), 1)], workbench())
        fit._backward([np.arange(8)])
        norms.append(float(fit.optimizer.norms()))
        fit.pack.close()
    assert norms == pytest.approx([norms[0]] * 3, rel=1e-2)


def test_a_batch_in_portions_trains_as_one_in_a_piece() -> None:
    undropped = [i for i, c in enumerate(MIXED) if not c.train.dropout]
    for i, portioned in zip(undropped, outcomes([MEMBERS[i] for i in undropped], tokens=30), strict=True):
        assert_same(alone(i), portioned)


def test_dropout_in_portions_does_not_depend_on_companions() -> None:
    dropping = [m for m in MEMBERS if m.configuration.train.dropout]
    assert len(dropping) == 2
    together = outcomes([*dropping, MEMBERS[6]], tokens=30)
    for member, packed in zip(dropping, together, strict=False):
        assert_same(outcomes([member], tokens=30)[0], packed)


def test_dropout_drops_while_training_and_never_while_scoring() -> None:
    fit = Fit([MEMBERS[5]], workbench())
    with torch.no_grad():
        for packed in fit.pack.attached.values():
            packed.up += 1
    rows = [np.arange(4)]
    assert np.array_equal(predicted(fit, rows[0]), predicted(fit, rows[0]))
    losses = {float(fit.step(rows, active=False)) for _ in range(2)}
    assert len(losses) == 1  # the same step draws the same
    fit.courses[0].steps = 1
    assert float(fit.step(rows, active=False)) not in losses


def test_members_that_are_stopped_or_fail_leave_the_others_as_they_are() -> None:
    broken = member_of(8, 1, configuration(kind="lora", rank=2, targets="all-linear", lr=1e300), seed=8)
    fit, taken = Heard([MEMBERS[0], broken, MEMBERS[6], MEMBERS[3]], workbench()), {}

    def hear(member: Member, epoch: Epoch) -> bool:
        taken[member.trial] = state(fit, fit.pack.members.index(member))
        return member is MEMBERS[6]

    courses = fit.heard(hear)
    assert [len(c.epochs) for c in courses] == [2, 0, 1, 2]
    assert "its loss is nan in epoch 1" in str(courses[1].error)
    assert [c.error for c in courses if c.member is not broken] == [None, None, None]
    for i in (0, 3):
        assert_same(alone(i), taken[i])


def test_held_out_scores_are_taken_of_the_last_epoch_or_of_every_one_and_change_nothing() -> None:
    """Also beside a member whose curve is wanted, or that ends earlier."""
    curve = [replace(m, configuration=m.configuration.with_values({"train.curves": True})) for m in MEMBERS]
    plain, watched, mixed = (
        train_pack(members, workbench()) for members in (MEMBERS[2:5], curve[2:5], [curve[2], *MEMBERS[3:5]])
    )
    assert taken(plain) == [[False, False, True], [False, True], [False, True]]
    assert taken(watched) == [[True] * 3, [True] * 2, [True] * 2]
    assert taken(mixed) == [[True] * 3, [False, True], [False, True]]
    for results in zip(plain, watched, mixed, strict=True):
        assert len({r.score for r in results} | {r.epochs[-1].score for r in results}) == 1
        assert len({tuple((e.loss, e.distance, e.step) for e in r.epochs) for r in results}) == 1
        assert results[0].answers == results[1].answers == results[2].answers
        assert results[0].answers is not None


def taken(results: list[FoldResult]) -> list[list[bool]]:
    """Of each result's epochs, whether its held-out score was taken."""
    return [[epoch.score is not None for epoch in result.epochs] for result in results]


def test_an_epoch_after_which_no_member_wants_scores_is_not_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, scored = Classify.scores, []

    def counted(self: Classify, pack: Pack, positions: list[np.ndarray]) -> list[Scored]:
        scored.append(len(positions))
        return scores(self, pack, positions)

    monkeypatch.setattr(Classify, "scores", counted)
    Fit([MEMBERS[2], MEMBERS[4]], workbench()).run()  # of three epochs and of two
    assert scored == [2, 1]


def test_the_packed_optimizer_is_torchs_adamw_for_each_member() -> None:
    torch.manual_seed(0)
    start, gradients = torch.randn(2, 4, 3, dtype=torch.float64), torch.randn(6, 2, 4, 3, dtype=torch.float64)
    lr, decay = torch.tensor([1e-2, 3e-3], dtype=torch.float64), torch.tensor([0.1, 0.0], dtype=torch.float64)
    ours = start.clone().requires_grad_()
    packed = PackedAdamW([(ours, None)], decay, torch.tensor([1e9, 1e9], dtype=torch.float64))
    twins = [start[p].clone().requires_grad_() for p in range(2)]
    reference = [torch.optim.AdamW([t], lr=lr[p], weight_decay=decay[p]) for p, t in enumerate(twins)]
    for i, gradient in enumerate(gradients):
        active = torch.tensor([True, i < 4])
        ours.grad = gradient.clone()
        packed.step(lr, active)
        for p in range(2):
            if active[p]:
                twins[p].grad = gradient[p].clone()
                reference[p].step()
    assert torch.allclose(ours.detach(), torch.stack([t.detach() for t in twins]), atol=1e-12)


@given(st.lists(st.integers(1, 80), min_size=1, max_size=200), st.integers(1, 20), st.integers(0, 3))
def test_every_example_is_in_one_batch_and_batches_repeat(lengths: list[int], size: int, epoch: int) -> None:
    batches = training_batches(np.array(lengths), size, 5, epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert max(map(len, batches)) <= size
    again = training_batches(np.array(lengths), size, 5, epoch)
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))


@given(st.lists(st.integers(1, 80), min_size=1, max_size=200), st.integers(1, 500))
def test_scoring_batches_hold_every_example_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = scoring_batches(np.array(lengths), budget)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    sizes = np.array(lengths)
    assert all(len(b) == 1 or len(b) * sizes[b].max() <= budget for b in batches)


def test_training_learns_and_reports_each_epoch() -> None:
    told = configuration(epochs=12, lr=2e-2, targets="all-linear", rank=4)
    (result,) = train_pack([member_of(0, 0, told, 1)], workbench())
    assert [(result.trial, e.epoch, e.step) for e in result.epochs] == [(0, e, 5 * e) for e in range(1, 13)]
    assert result.score is not None
    assert result.score >= 0.9
    assert result.metrics["params/trainable"] == result.metrics["params/adapter"] + 2 * 16 + 2


def test_what_a_configuration_costs_is_the_same_in_any_pack() -> None:
    first_folds = [replace(m, fold=0) for m in MEMBERS[:5]]
    together = train_pack(first_folds, workbench())
    for member, packed in zip(first_folds, together, strict=True):
        (single,) = train_pack([member], workbench())
        for name in ("params/trainable", "params/stored", "memory/train_bytes"):
            assert packed.metrics[name] == single.metrics[name], name
        assert packed.score == single.score
        assert (packed.metrics["pack/members"], single.metrics["pack/members"]) == (5, 1)


def test_only_a_trials_first_fold_measures_what_its_configuration_costs() -> None:
    results = train_pack([replace(MEMBERS[0], fold=k) for k in range(3)], workbench())
    assert [("memory/train_bytes" in r.metrics, "latency/ms" in r.metrics) for r in results] == [
        (True, True), (False, False), (False, False),
    ]  # fmt: skip
    assert len({r.metrics["params/trainable"] for r in results}) == 1


def test_the_phases_of_a_packs_folds_share_the_time_that_passed() -> None:
    bench, begun = workbench(), time.perf_counter()
    results = train_pack(MEMBERS[:3], bench)
    passed = time.perf_counter() - begun
    phases = [[r.metrics[f"time/{name}_seconds"] for name in ("prepare", "train", "score")] for r in results]
    assert all(seconds > 0 for fold in phases for seconds in fold)
    assert sum(sum(fold) for fold in phases) <= passed
    assert len({prepare for prepare, *_ in phases}) == 1


def test_a_pack_that_does_not_fit_into_memory_is_halved_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, real = [], train.Fit

    def fits(members: list[Member], bench: Workbench) -> Fit:
        seen.append(len(members))
        if len(members) > 2:
            raise torch.OutOfMemoryError("too many")
        return real(members, bench)

    monkeypatch.setattr(train, "Fit", fits)
    results = train_pack(MEMBERS[:5], workbench())
    assert seen == [5, 2, 3, 1, 2]
    assert [r.trial for r in results] == [0, 1, 2, 3, 4]
    assert all(r.error is None for r in results)


def test_a_member_whose_configuration_is_impossible_fails_alone() -> None:
    wrong = unfit(member_of(9, 0, configuration(), seed=0))
    results = train_pack([MEMBERS[0], wrong, MEMBERS[1]], workbench())
    assert [r.trial for r in results] == [0, 9, 1]
    assert [r.error is None for r in results] == [True, False, True]
    assert "has no attribute" in str(results[1].error)


def test_full_fine_tuning_leaves_the_shared_backbone_alone() -> None:
    bench = workbench()
    backbone = bench.encoder(ModelConfig()).backbone
    before = {k: v.clone() for k, v in backbone.state_dict().items()}
    Fit([member_of(0, 0, configuration(kind="full", lr=1e-3), 1)], bench).run()
    assert all(torch.equal(before[k], v) for k, v in backbone.state_dict().items())


def test_members_that_cannot_share_a_pack_are_refused() -> None:
    other = replace(MIXED[0], model=ModelConfig(pooling="cls"))
    with pytest.raises(ValueError, match="share their model"):
        Fit([MEMBERS[0], member_of(1, 0, other, 1)], workbench())
    with pytest.raises(ValueError, match="pack of one only"):
        Fit([MEMBERS[0], member_of(1, 0, configuration(kind="full"), 1)], workbench())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_no_step_waits_for_the_gpu() -> None:
    fit = Fit(MEMBERS, workbench(device="cuda"))
    batches = [course.fold.train[:8] for course in fit.courses]
    fit.step(batches)  # libraries wait once, when they are loaded
    torch.cuda.set_sync_debug_mode("error")
    try:
        fit.step(batches)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_pack_that_could_not_be_made_leaves_the_encoder_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = workbench()
    monkeypatch.setattr(
        "study.engine.fit.PackedAdamW", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError("full"))
    )
    with pytest.raises(torch.OutOfMemoryError):
        Fit(MEMBERS[:2], bench)
    assert not [m for m in bench.encoder(ModelConfig()).backbone.modules() if isinstance(m, PackedLinear)]


def test_relative_positions_that_rows_share_are_adapted_for_one_member_at_a_time() -> None:
    deberta = workbench("deberta-v2")
    every = [configuration(rank=2, targets="all-linear", lr=1e-2 * i) for i in (1, 2)]
    members = [member_of(i, 0, told, i, deberta) for i, told in enumerate(every, 1)]
    together = train_pack(members, workbench("deberta-v2"))
    apart = [train_pack([member], workbench("deberta-v2"))[0] for member in members]
    assert [r.error for r in together] == [None, None]
    assert [r.epochs for r in together] == [r.epochs for r in apart]
    with pytest.raises(ValueError, match="for one member alone"):
        Fit(members, workbench("deberta-v2")).run()
    some = [member_of(i, 0, configuration(rank=2, targets="qv", lr=1e-2 * i), i, deberta) for i in (1, 2)]
    assert [c.error for c in Fit(some, workbench("deberta-v2")).run()] == [None, None]


@pytest.mark.parametrize("kind", FAMILIES)
def test_adapters_of_every_family_drop_inputs(kind: str) -> None:
    for batch in (1, 4):
        told = configuration(rank=2, targets="all-linear", dropout=0.5, batch_size=batch, epochs=1)
        bench = workbench(kind, examples=12)
        result = train_pack([member_of(0, 0, told, 0, bench)], bench)[0]
        assert (result.error, result.metrics["pack/members"]) == (None, 1)
