"""What holds for every family of models: which layers a target names, and that adapting them is exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
import torch
from methodtable import METHODS
from tiny import FAMILIES, PAIRS, adapted, backbone, pair, starts_of
from torch import nn

from study.config.schema import MethodConfig
from study.methods.layers import surgery
from study.methods.layers.packed import PackedLinear
from study.methods.layers.spectrum import Spectrum
from study.models import encoders
from study.models.linear import is_linear, matrix
from study.models.targets import LinearSite, matches, select_ranks, stack_depths

# Few tokens and many: an adapted layer computes the ones beside its frozen product and the others merged with it.
FEW, MANY = torch.arange(8, 20).view(2, 6), torch.arange(80).view(4, 20) % 40 + 8

BERT = {
    "qv": "attention.self.query attention.self.value",
    "attention": "attention.self.query attention.self.key attention.self.value attention.output.dense",
    "ffn": "intermediate.dense output.dense",
}
LLAMA = {
    "qv": "self_attn.q_proj self_attn.v_proj",
    "attention": "self_attn.q_proj self_attn.k_proj self_attn.v_proj self_attn.o_proj",
    "ffn": "mlp.gate_proj mlp.up_proj mlp.down_proj",
}
BART = {
    "qv": "self_attn.q_proj self_attn.v_proj",
    "attention": "self_attn.q_proj self_attn.k_proj self_attn.v_proj self_attn.out_proj",
    "ffn": "fc1 fc2",
}
T5 = {
    "qv": "layer.0.SelfAttention.q layer.0.SelfAttention.v",
    "attention": "layer.0.SelfAttention.q layer.0.SelfAttention.k layer.0.SelfAttention.v layer.0.SelfAttention.o",
    "ffn": "layer.1.DenseReluDense.wi layer.1.DenseReluDense.wo",
}
CROSS = {
    "cross.qv": "layer.1.EncDecAttention.q layer.1.EncDecAttention.v",
    "cross.attention": " ".join(f"layer.1.EncDecAttention.{x}" for x in "qkvo"),
}
# The modules that each group names in every block; all-linear is attention and ffn, or conv, together.
NAMED: dict[str, dict[str, str]] = {
    "bert": BERT,
    "roberta": BERT,
    "electra": BERT,
    "distilbert": {
        "qv": "attention.q_lin attention.v_lin",
        "attention": "attention.q_lin attention.k_lin attention.v_lin attention.out_lin",
        "ffn": "ffn.lin1 ffn.lin2",
    },
    "albert": {
        "qv": "albert_layers.0.attention.query albert_layers.0.attention.value",
        "attention": " ".join(f"albert_layers.0.attention.{x}" for x in ("query", "key", "value", "dense")),
        "ffn": "albert_layers.0.ffn albert_layers.0.ffn_output",
    },
    "mpnet": {
        "qv": "attention.attn.q attention.attn.v",
        "attention": "attention.attn.q attention.attn.k attention.attn.v attention.attn.o",
        "ffn": "intermediate.dense output.dense",
    },
    "deberta-v2": {
        "qv": "attention.self.query_proj attention.self.value_proj",
        "attention": "attention.self.query_proj attention.self.key_proj attention.self.value_proj "
        "attention.self.pos_key_proj attention.self.pos_query_proj attention.output.dense",
        "ffn": "intermediate.dense output.dense",
    },
    "modernbert": {"qv": "attn.Wqkv", "attention": "attn.Wqkv attn.Wo", "ffn": "mlp.Wi mlp.Wo"},
    "gpt2": {"qv": "attn.c_attn", "attention": "attn.c_attn attn.c_proj", "ffn": "mlp.c_fc mlp.c_proj"},
    "llama": LLAMA,
    "qwen2": LLAMA,
    "qwen3": LLAMA,
    "t5": T5,
    "bart": BART,
    "t5 whole": {
        **{f"encoder.{group}": names for group, names in T5.items()},
        "decoder.qv": T5["qv"],
        "decoder.attention": T5["attention"],
        "decoder.ffn": "layer.2.DenseReluDense.wi layer.2.DenseReluDense.wo",
        **CROSS,
    },
    "t5 gated whole": {
        "encoder.qv": T5["qv"],
        "encoder.attention": T5["attention"],
        "encoder.ffn": " ".join(f"layer.1.DenseReluDense.{x}" for x in ("wi_0", "wi_1", "wo")),
        "decoder.qv": T5["qv"],
        "decoder.attention": T5["attention"],
        "decoder.ffn": " ".join(f"layer.2.DenseReluDense.{x}" for x in ("wi_0", "wi_1", "wo")),
        **CROSS,
    },
    "bart whole": {
        **{f"encoder.{group}": names for group, names in BART.items()},
        **{f"decoder.{group}": names for group, names in BART.items()},
        "cross.qv": "encoder_attn.q_proj encoder_attn.v_proj",
        "cross.attention": " ".join(f"encoder_attn.{x}" for x in ("q_proj", "k_proj", "v_proj", "out_proj")),
    },
}
# What each graph convolution of torch_geometric calls its linear layers; GIN's is a perceptron of two.
GRAPHS = {"gcn": "lin", "sage": "lin_l lin_r", "gat": "lin", "gin": "nn.lins.0 nn.lins.1"}
NAMED |= {kind: {"conv": " ".join(f"conv.{name}" for name in names.split())} for kind, names in GRAPHS.items()}
TEXTS = [*FAMILIES, *(f"{kind} whole" for kind in PAIRS)]
KINDS = [*TEXTS, *GRAPHS]
# Every architecture meets some of the methods, and every method some of the architectures; all of both take long.
PAIRED = [
    pytest.param(kind, method, marks=[] if (place + step) % 3 == 0 else pytest.mark.long)
    for place, kind in enumerate(KINDS)
    for step, method in enumerate(METHODS)
]


@dataclass(frozen=True)
class Subject:
    """A tiny model in float64 with what it computes."""

    model: nn.Module
    sites: tuple[LinearSite, ...]
    run: Callable[[], torch.Tensor]

    def attach(self, method: MethodConfig) -> dict[str, PackedLinear]:
        starts = starts_of(method, self.sites, self.model, 1, Spectrum())
        return surgery.attach(self.model, [starts])


def subject(kind: str) -> Subject:
    if kind in GRAPHS:
        return convolving(kind)
    whole = kind.endswith(" whole")
    made = pair(kind.removesuffix(" whole")) if whole else backbone(kind)
    model = encoders.wrap(made.double(), tokenizer=None).backbone
    return Subject(model, encoders.linear_sites(model), lambda: outputs(model, whole))


def outputs(model: nn.Module, whole: bool) -> torch.Tensor:
    """What the model makes of few and of many tokens, one after the other."""
    states = []
    for ids in (FEW, MANY):
        out = model(input_ids=ids, **({"decoder_input_ids": ids} if whole else {}))
        states.append((out.logits if whole else out.last_hidden_state).flatten())
    return torch.cat(states)


def convolving(kind: str) -> Subject:
    """Two graph convolutions with a ReLU between them, over rings of six and of eighty nodes."""
    geometric = pytest.importorskip("torch_geometric.nn")
    torch.manual_seed(0)
    makers: dict[str, Callable[[], nn.Module]] = {
        "gcn": lambda: geometric.GCNConv(16, 16),
        "sage": lambda: geometric.SAGEConv(16, 16),
        "gat": lambda: geometric.GATConv(16, 8, heads=2),
        "gin": lambda: geometric.GINConv(geometric.MLP([16, 32, 16], norm=None)),
    }
    model = nn.Module()
    model.config = SimpleNamespace(model_type=kind, num_hidden_layers=2)
    model.blocks = nn.ModuleList([nn.ModuleDict({"conv": makers[kind]()}) for _ in range(2)])
    model.double().eval().requires_grad_(False)
    rings = [
        (torch.randn(n, 16, dtype=torch.float64), torch.stack([torch.arange(n), torch.arange(n).roll(1)]))
        for n in (6, 80)
    ]

    def run() -> torch.Tensor:
        first, second = model.blocks
        return torch.cat([second["conv"](first["conv"](x, edges).relu(), edges).flatten() for x, edges in rings])

    return Subject(model, encoders.linear_sites(model), run)


def perturb(layers: dict[str, PackedLinear]) -> None:
    """Move every factor that trains, as training would."""
    torch.manual_seed(1)
    with torch.no_grad():
        for packed in layers.values():
            for factor, _ in packed.trained_factors():
                factor += 0.05 * torch.randn_like(factor)


def test_every_family_has_its_table() -> None:
    assert set(NAMED) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_each_group_matches_exactly_the_modules_of_the_table(kind: str) -> None:
    sites = subject(kind).sites
    depths = stack_depths(sites)
    for group, names in NAMED[kind].items():
        matching = [s for s in sites if matches(group, s)]
        assert sorted(s.within for s in matching if s.layer == 0) == sorted(names.split())
        assert len(matching) == depths[matching[0].stack] * len(names.split())
    wanted = [g for g in NAMED[kind] if g.endswith(("attention", "ffn", "conv"))]
    assert {s for s in sites if matches("all-linear", s)} == {s for s in sites for g in wanted if matches(g, s)}
    others = {"qv", "attention", "ffn"} if kind in GRAPHS else {"conv"}
    assert not [s for s in sites for group in others if matches(group, s)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_linear_layer_of_a_block_is_a_site_and_no_other(kind: str) -> None:
    it = subject(kind)
    names = {s.name for s in it.sites}
    stacks = encoders.stacks(it.model)
    for name, module in it.model.named_modules():
        inside = any(name.startswith(f"{stack.name}.") for stack in stacks)
        assert (name in names) == (is_linear(module) and inside)
    assert not {n for n in names if "lm_head" in n or "embed" in n or "pooler" in n}


@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen2", "qwen3"])
def test_a_model_that_writes_has_the_same_sites_without_its_output_layer(kind: str) -> None:
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM

    writer = AutoModelForCausalLM.from_config(CONFIG_MAPPING[kind](**FAMILIES[kind]))
    assert any("lm_head" in name for name, _ in writer.named_modules())
    prefix = f"{writer.base_model_prefix}."
    sites = encoders.linear_sites(writer)
    assert tuple(replace(s, name=s.name.removeprefix(prefix)) for s in sites) == subject(kind).sites


@pytest.mark.parametrize("kind", KINDS)
def test_a_modules_name_and_a_regular_expression_name_layers_too(kind: str) -> None:
    sites = subject(kind).sites
    first = sites[0]
    alike = {s for s in sites if s.within == first.within}
    for target in (first.within, first.within.split(".", 1)[-1], rf".*\.\d+\.{first.within.replace('.', '[.]')}"):
        assert alike <= {s for s in sites if matches(target, s)}
    for site in sites:
        assert [s for s in sites if matches(site.name.replace(".", r"\."), s)] == [site]


@pytest.mark.parametrize("kind", KINDS)
def test_layers_count_from_the_top_of_each_stack(kind: str) -> None:
    sites = subject(kind).sites
    depths = stack_depths(sites)
    for layers, lowest in {
        "top-1": lambda n: n - 1,
        "top-half": lambda n: n - max(1, n // 2),
        "all": lambda n: 0,
    }.items():
        chosen = select_ranks(MethodConfig(rank=1, targets="all-linear", layers=layers), sites)
        assert {s.stack: min(c.layer for c in chosen if c.stack == s.stack) for s in sites} == {
            stack: lowest(depth) for stack, depth in depths.items()
        }


@pytest.mark.parametrize(("kind", "method"), [case for case in PAIRED if case.values[1] != "drop"])
def test_attaching_keeps_the_output(kind: str, method: str) -> None:
    it = subject(kind)
    before = it.run()
    it.attach(METHODS[method])
    assert torch.allclose(it.run(), before, atol=1e-12, rtol=0)


@pytest.mark.parametrize(("kind", "method"), PAIRED)
def test_a_step_trains_as_many_numbers_as_are_counted_and_changes_no_other(kind: str, method: str) -> None:
    it = subject(kind)
    before = {name: value.clone() for name, value in it.model.state_dict().items()}
    layers = it.attach(METHODS[method])
    out = it.run()
    (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).sin().view_as(out)).sum().backward()
    trained = [p for p in it.model.parameters() if p.grad is not None]
    assert sum(p.numel() for p in trained) == adapted(METHODS[method], it.sites).trained
    ups = [packed.up.detach().clone() for packed in layers.values()]
    torch.optim.SGD(trained, lr=1e-3).step()
    assert not any(torch.equal(packed.up, up) for packed, up in zip(layers.values(), ups, strict=True))
    surgery.detach(it.model, layers)
    after = it.model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize(("kind", "method"), PAIRED)
def test_merging_computes_what_the_adapted_model_computed(kind: str, method: str) -> None:
    it = subject(kind)
    names = list(it.model.state_dict())
    layers = it.attach(METHODS[method])
    perturb(layers)
    adapted = it.run()
    surgery.merge(it.model, layers)
    assert torch.allclose(it.run(), adapted, atol=1e-10, rtol=0)
    assert list(it.model.state_dict()) == names


@pytest.mark.parametrize("kind", KINDS)
def test_the_matrix_of_a_layer_is_out_by_in_and_a_view(kind: str) -> None:
    it = subject(kind)
    for site in it.sites:
        layer = it.model.get_submodule(site.name)
        x = torch.randn(3, site.inputs, dtype=torch.float64)
        weight = matrix(layer)
        assert weight.shape == (site.outputs, site.inputs)
        assert torch.allclose(layer(x) - layer(0 * x), x @ weight.mT)
        assert weight.data_ptr() == layer.weight.data_ptr()


@pytest.mark.parametrize("method", ["lora", "pattern"])
@pytest.mark.parametrize("kind", TEXTS)  # PEFT knows nothing of torch_geometric's layers
def test_lora_equals_peft_in_forward_and_in_count(kind: str, method: str) -> None:
    from peft import LoraConfig, get_peft_model

    config = METHODS[method]
    it, other = subject(kind), subject(kind)
    layers = it.attach(config)
    ranks = {name: packed.up.shape[2] for name, packed in layers.items()}
    told = LoraConfig(
        r=3, lora_alpha=int(config.alpha), target_modules=list(ranks), rank_pattern=ranks, fan_in_fan_out=kind == "gpt2"
    )
    peft = get_peft_model(other.model, told)
    perturb(layers)
    with torch.no_grad():
        for name, packed in layers.items():
            twin = peft.base_model.model.get_submodule(name)
            twin.lora_A["default"].weight.copy_(packed.down[0])
            twin.lora_B["default"].weight.copy_(packed.up[0])
    peft.double()
    assert torch.allclose(it.run(), outputs(peft, kind.endswith(" whole")), atol=1e-10, rtol=0)
    count = sum(p.numel() for p in peft.parameters() if p.requires_grad)
    assert adapted(config, it.sites).trained == count
