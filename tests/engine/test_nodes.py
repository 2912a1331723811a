"""Node classification: members stay apart, kept work changes nothing, no label is read but those trained on."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import tensors
from tinygraph import bench, communities, configuration, model

from study.config.members import Member
from study.config.schema import Configuration, EngineConfig
from study.core.records import Epoch
from study.engine.costs import measure
from study.engine.fit import Fit
from study.engine.problems.graph import Nodes
from study.engine.train import train_pack
from study.methods.layers.packed import PackedLinear
from study.models.graphs import NAMES

pytest.importorskip("torch_geometric")
MIXED: list[dict[str, object]] = [
    {"kind": "lora", "rank": 3},
    {"kind": "lora", "rank": 5, "layers": "top-1", "lam": 3.0, "lr": 3e-2},
    {"kind": "factorized", "rank": 4, "lam": 50.0, "epochs": 5},
    {"kind": "factorized", "rank": 6, "residual": "drop", "targets": "conv", "batch_size": 9},
    {"kind": "head", "lr": 5e-2},
    {"kind": "lora", "rank": 1, "lam": 0.1, "dropout": 0.3},
    {"kind": "factorized", "rank": 2, "layers": "top-1", "dropout": 0.5, "weight_decay": 0.1, "clip": 0.05},
]
Outcome = dict[str, torch.Tensor]


def member_of(trial: int, fold: int, configured: Configuration, seed: int) -> Member:
    """A member of a tiny network."""
    return tiny.member_of(trial, fold, configured, seed, bench(configured.model.name))


def members(name: str) -> list[Member]:
    return [member_of(i, i % 3, configuration(name, **keys), seed=i) for i, keys in enumerate(MIXED)]


def outcomes(name: str, chosen: list[Member], cached: bool = True) -> list[Outcome]:
    """Every member's effective weights, head and scores when it leaves the pack."""
    fit, taken = Fit(chosen, bench(name), cached), {}

    def hear(member: Member, epoch: Epoch) -> bool:
        place = fit.pack.members.index(member)
        if epoch.epoch == member.configuration.train.epochs:
            scored = fit.courses[place].scores
            taken[member.trial] = {**state(fit, place), "loss": torch.tensor(scored["loss"], dtype=torch.float64)}
        return False

    fit.run(hear)
    return [taken[m.trial] for m in chosen]


def state(fit: Fit, place: int) -> Outcome:
    layers = {site.name: fit.encoder.backbone.get_submodule(site.name) for site in fit.encoder.sites}
    weights = {n: (m.effective_weight(place) if isinstance(m, PackedLinear) else m.weight) for n, m in layers.items()}
    return {**weights, "head": fit.pack.head[place].detach().clone(), "bias": fit.pack.bias[place].detach().clone()}


def assert_same(one: Outcome, other: Outcome) -> None:
    for name, value in one.items():
        assert torch.allclose(other[name], value, atol=1e-9, rtol=0), name


@cache
def alone(name: str, i: int) -> Outcome:
    return outcomes(name, [members(name)[i]])[0]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=4, deadline=None)
@given(order=st.permutations(range(len(MIXED))), size=st.sampled_from([2, 4, 7]))
def test_a_member_is_the_same_alone_and_among_mixed_companions(name: str, order: list[int], size: int) -> None:
    for i, packed in zip(order, outcomes(name, [members(name)[i] for i in order[:size]]), strict=False):
        assert_same(alone(name, i), packed)


@pytest.mark.parametrize("name", NAMES)
def test_work_that_is_kept_changes_nothing(name: str) -> None:
    for i in range(len(MIXED)):
        assert_same(alone(name, i), outcomes(name, [members(name)[i]], cached=False)[0])


@pytest.mark.parametrize("name", NAMES)
def test_a_target_that_adapts_some_of_a_block_finds_the_others_as_they_are(name: str) -> None:
    target = {"sage": "conv.lin_l"}.get(name, "conv.lin")
    some = member_of(0, 0, configuration(name, targets=target, layers="top-1"), seed=0)
    first = outcomes(name, [some])[0]
    assert_same(first, outcomes(name, [some], cached=False)[0])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("keys", [*MIXED, {"kind": "full"}], ids=lambda k: " ".join(map(str, k.values())))
def test_no_label_is_read_in_training_but_those_of_its_nodes(name: str, keys: dict[str, object]) -> None:
    """Every other label is changed, and what has been trained is the same to the last bit."""
    graph, member = communities(), member_of(0, 1, configuration(name, **keys), seed=4)
    unseen = np.ones(len(graph), dtype=bool)
    unseen[bench(name).data.folds[1].train] = False
    turned = replace(graph, labels=np.where(unseen, 1 - graph.labels, graph.labels))
    assert unseen.any()
    trained = []
    for either in (graph, turned):
        fit = Fit([member], bench(name, either))
        fit.run()
        trained.append((tensors(fit), fit))
    (first, one), (second, other) = trained
    assert len(first) == len(second) > 0
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert one.problem.answer(one.pack, 0).equal(other.problem.answer(other.pack, 0))


def test_nodes_without_a_label_are_read_as_neighbours() -> None:
    graph, member = communities(), member_of(0, 0, configuration("gcn"), seed=0)
    apart = graph.edges[:, (graph.edges < len(graph)).all(0)]
    assert apart.shape[1] < graph.edges.shape[1]
    first, second = (train_pack([member], bench("gcn", g))[0] for g in (graph, replace(graph, edges=apart)))
    assert first.metrics["loss"] != second.metrics["loss"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["head", "full", "lora", "factorized"])
def test_every_method_learns_what_a_community_is(name: str, kind: str) -> None:
    told = configuration(name, kind=kind, epochs=40, lr={"full": 1e-2}.get(kind, 5e-2), rank=4)
    (result,) = train_pack([member_of(0, 0, told, 1)], bench(name, dtype=torch.float32))
    assert result.error is None
    assert result.metrics["accuracy"] >= 0.85
    assert result.score == result.metrics["accuracy"]
    assert 0 < result.metrics["macro_f1"] <= 1
    assert result.epochs[-1].loss < result.epochs[0].loss


def test_labels_that_mean_nothing_are_not_learned() -> None:
    """A control, on more nodes than a tiny graph has folds for: scores of several shuffles lie around one half."""
    scores = []
    for seed in range(8):
        graph = communities(seed, unlabelled=0)
        shuffled = graph.permute(np.random.default_rng(seed).permutation(len(graph)))
        told = member_of(0, seed % 3, configuration("gcn", epochs=20), seed=seed)
        scores.append(train_pack([told], bench("gcn", shuffled))[0].metrics["accuracy"])
    assert np.mean(scores) == pytest.approx(0.5, abs=0.15)


def test_the_same_member_comes_to_the_same_again() -> None:
    member = members("gat")[5]
    assert all(torch.equal(a, b) for a, b in zip(*(outcomes("gat", [member])[0].values() for _ in "ab"), strict=True))


def test_a_batch_is_never_cut_into_portions() -> None:
    small = bench("gcn")
    small.engine = EngineConfig(tokens=5)
    fit = Fit([members("gcn")[0]], small)
    assert fit.problem.portions(100) == [slice(0, 100)]


def test_dropout_is_drawn_for_every_node_and_not_while_scoring() -> None:
    fit = Fit([members("gcn")[5]], bench("gcn"))
    assert isinstance(fit.problem, Nodes)
    assert fit.problem.adapter_input_shape(np.arange(3)) == (48, 1)
    assert fit.problem.adapter_input_shape(np.arange(0)) == (0, 1)
    with torch.no_grad():
        for packed in fit.pack.attached.values():
            packed.up += 0.1
    rows = np.arange(4)
    first, second = (fit.problem.scores(fit.pack, [rows])[0]["loss"] for _ in range(2))
    assert first == second
    losses = {float(fit.step([rows], active=False)) for _ in range(2)}
    fit.courses[0].steps = 1
    assert len(losses) == 1
    assert float(fit.step([rows], active=False)) not in losses


def test_what_a_configuration_costs_is_measured_and_the_same_in_any_pack() -> None:
    first_folds = [replace(m, fold=0) for m in members("sage")[:5]]
    together = train_pack(first_folds, bench("sage"))
    for member, packed in zip(first_folds, together, strict=True):
        (single,) = train_pack([member], bench("sage"))
        for name in ("params/trainable", "params/stored", "memory/train_bytes"):
            assert packed.metrics[name] == single.metrics[name], name
        assert packed.metrics["latency/ms"] > 0


def test_adapters_of_the_top_block_need_less_memory_than_those_of_all_and_these_less_than_everything() -> None:
    def bytes_of(**keys: object) -> float:
        member = member_of(0, 0, configuration("gcn", **keys), seed=0)
        return measure.costs(member, bench("gcn", dtype=torch.float32))["memory/train_bytes"]

    head, top, all_blocks, full = (
        bytes_of(kind="head"), bytes_of(layers="top-1"), bytes_of(), bytes_of(kind="full"),
    )  # fmt: skip
    assert head < top < all_blocks < full


@pytest.mark.parametrize("name", NAMES)
def test_full_fine_tuning_leaves_the_shared_network_alone(name: str) -> None:
    work = bench(name)
    before = {k: v.clone() for k, v in work.encoder(model(name)).backbone.state_dict().items()}
    Fit([member_of(0, 0, configuration(name, kind="full"), 1)], work).run()
    after = work.encoder(model(name)).backbone.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)


@pytest.mark.parametrize("kind", ["lora", "full", "head"])
def test_low_precision_trains(kind: str) -> None:
    told = configuration("gcn", kind=kind, epochs=20, lr=3e-2)
    told = replace(told, model=replace(told.model, precision="bfloat16"))
    (result,) = train_pack([member_of(0, 0, told, 1)], bench("gcn"))
    assert result.error is None
    assert result.epochs[-1].loss < result.epochs[0].loss
