"""What the two low-rank methods promise, on small layers with known answers."""

from __future__ import annotations

import pytest
import torch
from tiny import configuration, encoder, tensors, workbench
from torch import nn

from study.adapters import surgery
from study.adapters.spectrum import Spectrum
from study.config import MethodConfig
from study.engine.fit import Fit
from study.records import Member

KINDS = ["bert", "roberta", "distilbert", "albert"]
IDS = torch.arange(8, 20).view(2, 6)


def attached(method: MethodConfig, kind: str = "bert"):
    e = encoder(kind)
    starts = surgery.starts_of(method, e.sites, e.backbone, 1, Spectrum())
    return e, surgery.attach(e.backbone, [starts])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", [MethodConfig(kind="lora"), MethodConfig(kind="factorized")], ids=lambda m: m.kind)
def test_at_step_zero_the_adapted_model_is_the_base_model(kind: str, method: MethodConfig) -> None:
    base = encoder(kind).backbone(input_ids=IDS).last_hidden_state
    e, _ = attached(method, kind)
    assert torch.equal(e.backbone(input_ids=IDS).last_hidden_state, base)


def test_the_error_of_factorized_drop_is_the_tail_of_the_spectrum() -> None:
    _, layers = attached(MethodConfig(kind="factorized", residual="drop", rank=5))
    for packed in layers.values():
        tail = torch.linalg.svdvals(packed.linear.weight)[5:].square().sum().sqrt()
        assert torch.linalg.norm(packed.merged(0) - packed.linear.weight).item() == pytest.approx(
            tail.item(), abs=1e-12
        )


def test_the_distance_of_b_is_the_norm_of_the_change_of_the_weight() -> None:
    _, layers = attached(MethodConfig(kind="factorized", rank=3))
    for packed in layers.values():
        with torch.no_grad():
            packed.up += torch.randn_like(packed.up, generator=None)
        change = torch.linalg.norm(packed.merged(0) - packed.linear.weight)
        assert packed.distance().item() == pytest.approx(change.item(), rel=1e-12)


def test_the_gradient_of_the_distance_at_zero_is_zero() -> None:
    for method in (MethodConfig(kind="lora"), MethodConfig(kind="factorized")):
        _, layers = attached(method)
        torch.stack([p.distance() for p in layers.values()]).sum().backward()
        assert all(torch.equal(p.up.grad, torch.zeros_like(p.up)) for p in layers.values())


def test_detaching_restores_the_original_and_merging_gives_the_same_outputs() -> None:
    e, layers = attached(MethodConfig(kind="lora", targets="all-linear"))
    with torch.no_grad():
        for packed in layers.values():
            packed.up += 0.1
    adapted = e.backbone(input_ids=IDS).last_hidden_state
    surgery.merge(e.backbone, layers)
    assert torch.allclose(e.backbone(input_ids=IDS).last_hidden_state, adapted, atol=1e-12)
    e, layers = attached(MethodConfig(kind="lora"))
    surgery.detach(e.backbone, layers)
    fresh = encoder().backbone.state_dict()
    assert all(torch.equal(fresh[k], v) for k, v in e.backbone.state_dict().items())


def trained(**method: object) -> Fit:
    fit = Fit([Member(0, 0, configuration(**method), 3)], workbench())
    fit.run(None)
    return fit


@pytest.mark.parametrize("residual", ["keep", "drop"])
def test_c_and_w_are_bit_identical_after_training(residual: str) -> None:
    fit, fresh = trained(kind="factorized", residual=residual, lam=10.0), encoder()
    for name, packed in fit.pack.attached.items():
        original = fresh.backbone.get_submodule(name)
        assert isinstance(original, nn.Linear)
        assert torch.equal(packed.linear.weight, original.weight)
        assert torch.equal(packed.down[0], Spectrum().factors(name, original.weight, 2)[1])


def test_a_null_lambda_is_bit_identical_to_no_regulariser(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = tensors(trained(kind="lora", lam=None))
    fit = Fit([Member(0, 0, configuration(kind="lora", lam=None), 3)], workbench())
    monkeypatch.setattr(fit.pack, "objective", lambda task, share: task.sum())
    fit.run(None)
    assert all(torch.equal(a, b) for a, b in zip(plain, tensors(fit), strict=True))


@pytest.mark.parametrize("kind", ["lora", "factorized"])
def test_a_small_lambda_holds_b_near_its_target(kind: str) -> None:
    far, near = (trained(kind=kind, lam=lam).pack.distance().item() for lam in (1000.0, 0.01))
    assert near < 0.2 * far


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("targets", ["qv", "all-linear"])
def test_lora_equals_peft_in_forward_and_in_count(kind: str, targets: str) -> None:
    from peft import LoraConfig, get_peft_model

    method = MethodConfig(kind="lora", rank=3, alpha=7, targets=targets)
    e, layers = attached(method, kind)
    names = [s.name for s in e.sites if s.name in layers]
    peft = get_peft_model(encoder(kind).backbone, LoraConfig(r=3, lora_alpha=7, target_modules=names))
    with torch.no_grad():
        for name, packed in layers.items():
            packed.up += 0.05
            twin = peft.base_model.model.get_submodule(name)
            twin.lora_A["default"].weight.copy_(packed.down[0])
            twin.lora_B["default"].weight.copy_(packed.up[0])
    peft.double()
    assert torch.allclose(
        e.backbone(input_ids=IDS).last_hidden_state, peft(input_ids=IDS).last_hidden_state, atol=1e-10
    )
    count = sum(p.numel() for p in peft.parameters() if p.requires_grad)
    assert surgery.adapter_parameters(method, e.sites) == count


@pytest.mark.parametrize(("large", "expected"), [(False, 294_912), (True, 786_432)])
def test_roberta_has_the_known_number_of_adapter_parameters(large: bool, expected: int) -> None:
    from transformers import RobertaConfig, RobertaModel

    from study.models import linear_sites

    sizes = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
    with torch.device("meta"):
        model = RobertaModel(RobertaConfig(**(sizes if large else {})))
    assert surgery.adapter_parameters(MethodConfig(kind="lora", rank=8), linear_sites(model)) == expected
