"""The counted training memory is what the allocator really peaks at."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from tiny import adopt, configuration, member_of, tensors, workbench
from torch import nn

from study.config.schema import Configuration, ModelConfig
from study.core.records import Fold
from study.data.examples import Texts
from study.engine.batches import Tokens
from study.engine.costs import memory, training
from study.engine.fit import Fit
from study.engine.workbench import StudyData, Workbench
from study.models import encoders

CONFIGURATIONS = {
    "lora": {"kind": "lora", "rank": 4, "targets": "all-linear"},
    "lora on two products of the top layer": {"kind": "lora", "rank": 4, "targets": "qv", "layers": "top-1"},
    "factorized keep": {"kind": "factorized", "rank": 8, "targets": "attention", "lam": 10.0},
    "factorized drop": {"kind": "factorized", "rank": 8, "targets": "all-linear", "residual": "drop"},
    "full": {"kind": "full"},
}


def bench(device: str) -> Workbench:
    """An encoder whose activations outweigh its parameters, and sixteen texts of 60 tokens."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    sizes = {"hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 6, "num_attention_heads": 4}
    backbone = BertModel(BertConfig(vocab_size=200, **sizes)).to(device)
    rows = tuple(np.random.default_rng(0).integers(5, 200, (32, 60)))
    folds = (Fold(0, np.arange(16), np.arange(16, 32)),)
    out = Workbench(StudyData(Texts(("",) * 32, np.arange(32) % 2, ("no", "yes")), folds), torch.device(device))
    adopt(out, ModelConfig(), encoders.wrap(backbone, tokenizer=None), Tokens.of(list(rows), 0))
    return out


def fit_of(configured: Configuration, device: str) -> Fit:
    # The prefix cache is left out: what it saves is no property of the configuration alone.
    where = bench(device)
    return Fit([member_of(0, 0, configured, 1, where)], where, cached=False)


def counted_and_held(fit: Fit) -> tuple[int, int]:
    """memory/train_bytes, and of it what is held between steps: weights and optimizer state."""
    step = memory.most_alive(lambda: training.rehearse(fit))
    return training.total_bytes(fit, step), training.total_bytes(fit, 0)


def peak_of_live_bytes(work: Callable[[], object]) -> int:
    """The largest sum of live CPU allocations during `work`, as torch's own profiler saw them."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        work()
    events = profile.profiler.kineto_results.events()  # type: ignore[union-attr]
    sizes = [e.nbytes() for e in events if e.name() == "[memory]"]
    return int(np.cumsum(sizes).max())


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_count_is_within_a_hundredth_of_what_the_cpu_allocator_peaks_at(name: str) -> None:
    fit = fit_of(configuration(batch_size=16, **CONFIGURATIONS[name]), "cpu")
    counted, held = counted_and_held(fit)
    assert counted == pytest.approx(held + peak_of_live_bytes(lambda: fit.train_epoch()), rel=0.01)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_count_is_within_a_tenth_of_what_the_gpu_allocator_peaks_at(name: str) -> None:
    fit = fit_of(configuration(batch_size=16, **CONFIGURATIONS[name]), "cuda")
    counted, held = counted_and_held(fit)  # it also takes the libraries' workspaces, which belong to no configuration
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    fit.train_epoch()
    assert counted == pytest.approx(held + torch.cuda.max_memory_allocated() - before, rel=0.1)


def test_live_bytes_count_new_storages_once_and_forget_the_dead() -> None:
    old = torch.zeros(1000)

    def work() -> torch.Tensor:
        a = old + 1  # 4000 bytes
        b = a.view(10, 100).mT  # a view: nothing
        del a
        c = b * 2  # 4000 more
        del b
        old.add_(1)  # in place: nothing
        return c + 1  # 4000 more, while the first are gone

    assert memory.most_alive(work) == 8000


def test_the_count_sees_what_autograd_saves_and_the_gradients() -> None:
    layer, x = nn.Linear(100, 200, bias=False), torch.randn(50, 100)
    forward = memory.most_alive(lambda: layer(x).sin().sum().item())
    both = memory.most_alive(lambda: layer(x).sin().sum().backward())
    assert forward == 4 * (2 * 50 * 200 + 1)
    assert both >= 4 * (50 * 200 + 100 * 200)  # the weight gradient, and the gradient that it is made of
    assert layer.weight.grad is not None


def test_a_rehearsal_changes_nothing() -> None:
    fit = Fit([member_of(0, 0, configuration(kind="lora", rank=2, lam=2.0), 1)], workbench())
    before = [t.detach().clone() for t in tensors(fit)]
    training.rehearse(fit)
    assert all(torch.equal(a, b) for a, b in zip(before, tensors(fit), strict=True))
    assert all(not m.any() for m in [*fit.optimizer.first, *fit.optimizer.second, fit.optimizer.steps])


def test_weights_and_two_moments_are_counted_for_what_trains() -> None:
    frozen, trained = torch.zeros(100), torch.zeros(10)
    assert memory.train_bytes([frozen], [trained], step=7) == 4 * 100 + 4 * 10 + 2 * 4 * 10 + 7
    assert memory.storage_bytes([frozen, frozen[:50]]) == 400
