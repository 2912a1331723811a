"""DoRA and PiSSA equal HF PEFT's own: forward product, gradient step and number of trained parameters."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny import adapted, backbone, encoder, starts_of
from torch import nn

from study.config.schema import MethodConfig
from study.engine.shortcuts import equivalence
from study.methods.layers import surgery
from study.methods.layers.packed import PackedLinear
from study.methods.layers.spectrum import Spectrum

RANK, ALPHA = 3, 8
OPTIONS: dict[str, dict[str, Any]] = {
    "dora": {"use_dora": True},
    "pissa": {"init_lora_weights": "pissa"},
    "dora scaled by its root": {"use_dora": True, "use_rslora": True},
    "lora scaled by its root": {"use_rslora": True},
}


def ours(name: str) -> tuple[nn.Module, dict[str, PackedLinear], int]:
    """The adapted tiny BERT, its adapted layers, and how many numbers are counted to train."""
    scaling = "alpha/sqrt(r)" if name.endswith("root") else "alpha/r"
    method = MethodConfig(kind=name.split()[0], rank=RANK, alpha=ALPHA, targets="all-linear", scaling=scaling)
    bert = encoder()
    layers = surgery.attach(bert.backbone, [starts_of(method, bert.sites, bert.backbone, 1, Spectrum())])
    return bert.backbone, layers, adapted(method, bert.sites).trained


def theirs(name: str, layers: dict[str, PackedLinear]) -> Any:
    """PEFT's over the same weights."""
    from peft import LoraConfig, get_peft_model

    base: Any = backbone()  # PEFT starts PiSSA in float32 alone
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=list(layers), **OPTIONS[name])
    return get_peft_model(base, config).double().eval()  # BERT's own dropout is off in ours


def twins(model: Any, layers: dict[str, PackedLinear]) -> dict[str, tuple[PackedLinear, Any]]:
    return {name: (packed, model.base_model.model.get_submodule(name)) for name, packed in layers.items()}


def hidden(model: Any) -> torch.Tensor:
    ids, mask = equivalence.probe_tokens(model)
    return model(input_ids=ids, attention_mask=mask).last_hidden_state  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", OPTIONS)
def test_products_gradients_and_counts_are_those_of_peft(name: str) -> None:
    model, layers, counted = ours(name)
    peft = theirs(name, layers)
    torch.manual_seed(3)
    with torch.no_grad():
        for packed, twin in twins(peft, layers).values():
            if name == "pissa":  # a singular pair is known up to its sign: PEFT starts where ours does
                twin.get_base_layer().weight.copy_(
                    packed.linear.weight - packed.scale[0] * packed.up[0] @ packed.down[0]
                )
            packed.up += 0.1 * torch.randn_like(packed.up)
            if packed.magnitude is not None:
                packed.magnitude *= 1 + 0.1 * torch.rand_like(packed.magnitude)
                twin.lora_magnitude_vector["default"].weight.copy_(packed.magnitude[0])
            twin.lora_A["default"].weight.copy_(packed.down[0])
            twin.lora_B["default"].weight.copy_(packed.up[0])
    assert counted == sum(p.numel() for p in peft.parameters() if p.requires_grad)
    one, other = hidden(model), hidden(peft)
    assert torch.allclose(one, other, atol=1e-10, rtol=0)
    weights = torch.linspace(-1, 1, one.numel(), dtype=one.dtype).sin().view_as(one)
    (one * weights).sum().backward()
    (other * weights).sum().backward()
    for packed, twin in twins(peft, layers).values():
        assert packed.up.grad is not None
        assert packed.down.grad is not None
        assert torch.allclose(packed.up.grad[0], twin.lora_B["default"].weight.grad, atol=1e-10, rtol=0)
        assert torch.allclose(packed.down.grad[0], twin.lora_A["default"].weight.grad, atol=1e-10, rtol=0)
        if packed.magnitude is not None:
            lengths = twin.lora_magnitude_vector["default"].weight.grad
            assert packed.magnitude.grad is not None
            assert torch.allclose(packed.magnitude.grad[0], lengths, atol=1e-10, rtol=0)


def test_pissa_starts_where_peft_does_up_to_signs() -> None:
    _, layers, _ = ours("pissa")
    for packed, twin in twins(theirs("pissa", layers), layers).values():
        ours_, theirs_ = packed.up[0] @ packed.down[0], twin.lora_B["default"].weight @ twin.lora_A["default"].weight
        assert torch.allclose(ours_, theirs_, atol=1e-6, rtol=0)  # PEFT decomposes in float32
        lengths = packed.up[0].norm(dim=0), twin.lora_B["default"].weight.norm(dim=0)
        assert torch.allclose(*lengths, atol=1e-6, rtol=0)
