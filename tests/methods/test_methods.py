"""What the two low-rank methods promise, on small layers with known answers."""

from __future__ import annotations

import pytest
import torch
from tiny import adapted, configuration, encoder, member_of, starts_of, tensors, workbench
from torch import nn

from study.config.schema import MethodConfig
from study.engine.fit import Fit
from study.methods.layers import surgery
from study.methods.layers.spectrum import Spectrum
from study.models.linear import matrix


def attached(method: MethodConfig, kind: str = "bert"):
    e = encoder(kind)
    starts = starts_of(method, e.sites, e.backbone, 1, Spectrum())
    return e, surgery.attach(e.backbone, [starts])


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_the_error_of_factorized_drop_is_the_tail_of_the_spectrum(kind: str) -> None:
    _, layers = attached(MethodConfig(kind="factorized", residual="drop", rank=5), kind)
    for packed in layers.values():
        weight = matrix(packed.linear)
        tail = torch.linalg.svdvals(weight)[5:].square().sum().sqrt()
        assert torch.linalg.norm(packed.effective_weight(0) - weight).item() == pytest.approx(tail.item(), abs=1e-12)


def test_the_distance_of_b_is_the_norm_of_the_change_of_the_weight() -> None:
    _, layers = attached(MethodConfig(kind="factorized", rank=3))
    for packed in layers.values():
        with torch.no_grad():
            packed.up += torch.randn_like(packed.up, generator=None)
        change = torch.linalg.norm(packed.effective_weight(0) - matrix(packed.linear))
        assert packed.distance().item() == pytest.approx(change.item(), rel=1e-12)


def test_the_gradient_of_the_distance_at_zero_is_zero() -> None:
    for method in (MethodConfig(kind="lora"), MethodConfig(kind="factorized")):
        _, layers = attached(method)
        torch.stack([p.distance() for p in layers.values()]).sum().backward()
        assert all(torch.equal(p.up.grad, torch.zeros_like(p.up)) for p in layers.values())


def trained(**method: object) -> Fit:
    fit = Fit([member_of(0, 0, configuration(**method), 3)], workbench())
    fit.run()
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
    fit = Fit([member_of(0, 0, configuration(kind="lora", lam=None), 3)], workbench())
    monkeypatch.setattr(fit.pack, "objective", lambda task, distance, share: task.sum())
    fit.run()
    assert all(torch.equal(a, b) for a, b in zip(plain, tensors(fit), strict=True))


@pytest.mark.parametrize("kind", ["lora", "factorized"])
def test_a_small_lambda_holds_b_near_its_target(kind: str) -> None:
    far, near = (trained(kind=kind, lam=lam).pack.distance().item() for lam in (1000.0, 0.01))
    assert near < 0.3 * far  # what is left is AdamW swinging about the target by its rate


@pytest.mark.parametrize(("large", "expected"), [(False, 294_912), (True, 786_432)])
def test_roberta_has_the_known_number_of_adapter_parameters(large: bool, expected: int) -> None:
    from transformers import RobertaConfig, RobertaModel

    from study.models.encoders import linear_sites

    sizes = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
    with torch.device("meta"):
        model = RobertaModel(RobertaConfig(**(sizes if large else {})))
    assert adapted(MethodConfig(kind="lora", rank=8), linear_sites(model)).trained == expected
