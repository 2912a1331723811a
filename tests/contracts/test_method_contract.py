"""What every method guarantees, held against every row of the table of methods."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from methodtable import METHODS
from tiny import adapted, configuration, encoder, member_of, starts_of, tensors, workbench

from study import methods
from study.config.members import Member
from study.config.schema import Configuration, MethodConfig
from study.core.errors import ConfigError
from study.engine.costs.parameters import parameters
from study.engine.fit import Fit
from study.methods.base import UPDATE
from study.methods.layers import stored, surgery
from study.methods.layers.packed import PackedLinear
from study.methods.layers.spectrum import Spectrum
from study.models.linear import matrix

OTHER = {"rank": 2, "alpha": 3.0, "lam": 7.0, "targets": "ffn", "layers": "top-1", "residual": "drop"}
OTHER |= {"scaling": "alpha/sqrt(r)"}


def member(name: str, seed: int, **values: object) -> Member:
    base = configuration(lr=1e-2, **values)
    return member_of(seed, seed % 3, replace(base, method=replace(METHODS[name], lam=values.get("lam"))), seed)  # type: ignore[arg-type]


def trained(members: list[Member]) -> Fit:
    fit = Fit(members, workbench())
    fit.run()
    return fit


def effective(fit: Fit, place: int) -> dict[str, torch.Tensor]:
    return {n: m.effective_weight(place).detach() for n, m in fit.pack.attached.items()}


def test_every_method_has_a_row_and_a_name_and_an_unknown_one_is_refused() -> None:
    assert {m.kind for m in METHODS.values()} | {"full", "head"} == set(methods.names())
    assert all(methods.get(name).name == name for name in methods.names())
    for name in ("base", "lorra", "__init__"):
        with pytest.raises(ConfigError, match=f"method.kind={name}: is not one of .*lora"):
            methods.get(name)


@pytest.mark.parametrize("name", METHODS)
def test_a_member_is_what_it_is_alone_beside_one_of_every_method(name: str) -> None:
    others = [member(other, 10 + i, lam=2.0 if i % 2 else None) for i, other in enumerate(METHODS)]
    alone, packed = trained([member(name, 1)]), trained([member(name, 1), *others])
    one, other = effective(alone, 0), effective(packed, 0)
    assert len(one) > 0
    assert all(torch.allclose(one[n], other[n], atol=1e-8, rtol=0) for n in one)
    assert torch.allclose(alone.pack.head[0], packed.pack.head[0], atol=1e-8, rtol=0)


@pytest.mark.parametrize("name", METHODS)
def test_numbers_that_train_are_counted_and_every_one_of_them_moves(name: str) -> None:
    fresh = Fit([member(name, 1)], workbench())
    before = [t.detach().clone() for t in tensors(fresh)]
    fresh.run()
    after = tensors(fresh)
    head = fresh.pack.head.numel() + fresh.pack.bias.numel()
    counted = parameters(member(name, 1), workbench())
    assert sum(t.numel() for t in after) == counted["params/trainable"] == counted["params/adapter"] + head
    assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("name", METHODS)
def test_the_distance_pulls_nothing_where_training_starts(name: str) -> None:
    bert = encoder()
    layers = surgery.attach(bert.backbone, [starts_of(METHODS[name], bert.sites, bert.backbone, 1, Spectrum())])
    distance = torch.stack([packed.distance() for packed in layers.values()]).sum()
    assert distance.item() == 0
    distance.backward()
    assert all(p.up.grad is not None and not p.up.grad.any() for p in layers.values())


@pytest.mark.parametrize("name", METHODS)
def test_what_training_left_can_be_attached_again_and_computes_the_same(name: str) -> None:
    fit = trained([member(name, 4)])
    for layer in fit.pack.attached.values():
        start = stored.trained_start(layer)
        again = PackedLinear(layer.linear, [start])
        x = torch.randn(2, 5, matrix(layer.linear).shape[1], dtype=torch.float64)
        assert torch.allclose(again(x), layer(x), atol=1e-10, rtol=0)
        assert torch.allclose(again.effective_weight(0), layer.effective_weight(0), atol=1e-10, rtol=0)
        assert stored.keeps_weight(start) == (methods.get(METHODS[name].kind).leaves(METHODS[name]) == UPDATE)


@pytest.mark.parametrize("kind", methods.names())
def test_what_a_method_does_not_read_is_no_part_of_its_training_nor_of_its_name(kind: str) -> None:
    method, plain = methods.get(kind), Configuration(method=MethodConfig(kind=kind))
    for key in {f.name for f in fields(MethodConfig)} - {"kind"}:
        changed = replace(plain, method=replace(plain.method, **{key: OTHER[key]}))
        same = key not in method.reads
        assert (method.canonical(changed) == method.canonical(plain)) == same
        searched = [f"method.{key}"]
        assert (method.label(changed, searched) == method.label(plain, searched)) == same


@pytest.mark.parametrize("name", METHODS)
def test_rank_zero_leaves_a_layer_alone_and_a_rank_too_large_is_refused(name: str) -> None:
    sites = encoder().sites
    some = adapted(replace(METHODS[name], rank={"qv": 0, "all-linear": 2}), sites)
    assert set(some.ranks) == {s.name for s in sites if not s.name.endswith(("query", "value"))}
    with pytest.raises(ConfigError, match=r"exceeds min\(in, out\) = 16"):
        adapted(replace(METHODS[name], rank=17), sites)
