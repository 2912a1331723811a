"""Packs on the device at hand: training throughput and memory for P = 1, 2, 4 …, beside one hand-written loop.

``python tests/benchmarks/packs.py --size base --precision bfloat16`` prints Markdown. Weights are random and texts made
up, with lengths like those of the embedded task: throughput does not depend on what they say. It needs torch,
transformers and peft alone, so that it runs on a bare GPU machine. The loop beside it is PEFT with torch's AdamW
on batches padded to their longest, one configuration at a time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from study import methods
from study.config.members import Member
from study.config.schema import Configuration, MethodConfig, ModelConfig, TrainConfig
from study.core.records import Fold
from study.data.examples import Texts
from study.engine.batches import Tokens
from study.engine.fit import Fit
from study.engine.workbench import StudyData, Workbench, default_device, name_of, weights_key
from study.models import encoders
from study.models.backbones import Geometry

VOCABULARY = 30522
SIZES = {
    "tiny": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "minilm": {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536},
    "base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
}
MODULES = {
    "qv": ["query", "value"],
    "all-linear": ["query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense"],
}


def texts(count: int = 512) -> list[np.ndarray]:
    """Token ids with lengths like those of movie-review sentences: half below 26, the longest about 80."""
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(3.25, 0.45, count), 4, 80).astype(int)
    return [rng.integers(999, VOCABULARY, n) for n in lengths]


def config(size: str) -> Any:
    """The architecture, with two classes."""
    from transformers import BertConfig

    return BertConfig(vocab_size=VOCABULARY, num_labels=2, **SIZES[size])


def bench(size: str, precision: str, device: torch.device) -> tuple[Workbench, ModelConfig]:
    """The suite's engine with a random model of that size."""
    from transformers import BertModel

    rows = texts()
    fold = Fold(0, np.arange(len(rows) - 64), np.arange(len(rows) - 64, len(rows)))
    out = Workbench(StudyData(Texts(("",) * len(rows), np.arange(len(rows)) % 2, ("no", "yes")), (fold,)), device)
    torch.manual_seed(0)
    backbone = BertModel(config(size)).to(device, getattr(torch, precision))
    model = ModelConfig(precision=precision)
    out.once(("encoder", *weights_key(model)), lambda: encoders.wrap(backbone, tokenizer=None))
    out.tokens(model, lambda: Tokens.of(rows, 0))
    return out, model


def packed(work: Workbench, told: Configuration, size: int, steps: int) -> float:
    """Samples a second of a pack of that size, in steps of batches as training makes them."""
    encoder = work.encoder(told.model)
    geometry = Geometry(encoder.sites, encoder.layers, encoder.parameters)
    adapted = methods.of(told).adapt(told.method, geometry)
    fit = Fit([Member(i, 0, told, 0, adapted) for i in range(size)], work)
    batch = told.train.batch_size
    order = np.argsort(fit.problem.lengths[fit.courses[0].rows], kind="stable")
    begin = np.linspace(0, len(order) - batch, steps).astype(int)  # every length in its share
    batches = [order[b : b + batch] for b in begin]
    try:
        return size * batch * steps / timed(lambda i: fit.step([batches[i]] * size, active=False), steps, work.device)
    finally:
        fit.pack.close()


def loop(size: str, told: Configuration, precision: str, steps: int, device: torch.device) -> float:
    """Samples a second of PEFT and a plain loop: shuffled batches, padded to their longest."""
    from peft import LoraConfig, get_peft_model
    from transformers import BertForSequenceClassification

    torch.manual_seed(0)
    m = told.method
    lora = LoraConfig(task_type="SEQ_CLS", r=m.rank, lora_alpha=m.alpha, target_modules=MODULES[m.targets])
    model: Any = get_peft_model(BertForSequenceClassification(config(size)), lora).to(device).train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    rows, rng, batch = texts(), np.random.default_rng(1), told.train.batch_size

    def step(_: int) -> None:
        chosen = [torch.from_numpy(rows[i]) for i in rng.choice(len(rows), batch, replace=False)]
        ids = torch.nn.utils.rnn.pad_sequence(chosen, batch_first=True).to(device)
        labels = torch.arange(batch, device=device) % 2
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            loss = model(input_ids=ids, attention_mask=(ids > 0).long(), labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return batch * steps / timed(step, steps, device)


def timed(step: Callable[[int], object], steps: int, device: torch.device) -> float:
    """Seconds of that many steps, after a few that are not counted; the memory's peak is theirs alone."""
    for i in range(min(3, steps)):
        step(i)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
    begun = time.perf_counter()
    for i in range(steps):
        step(i)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begun


def held(device: torch.device) -> str:
    """The allocator's peak, on a GPU."""
    return f"{torch.cuda.max_memory_allocated(device) / 2**20:,.0f}" if device.type == "cuda" else "–"


def table(given: argparse.Namespace, device: torch.device) -> str:
    """Every pack's throughput beside the loop's, in one run."""
    told = Configuration(
        method=MethodConfig(rank=given.rank, targets=given.targets, layers=given.layers),
        train=TrainConfig(batch_size=given.batch_size),
    )
    work, model = bench(given.size, given.precision, device)
    told = told.with_values({"model.precision": model.precision})
    peer = loop(given.size, told, given.precision, given.steps, device)
    lines = [
        f"{name_of(device)}, torch {torch.__version__}, {given.size}, {given.precision}, LoRA r{given.rank} "
        f"{given.targets} {given.layers}, batches of {given.batch_size}",
        "",
        "| members | samples/s | to one at a time | to the hand-written loop | peak MiB |",
        "| --: | --: | --: | --: | --: |",
        f"| loop | {peer:,.0f} | | 1.00 | {held(device)} |",
    ]
    first = 0.0
    for size in given.packs:
        try:
            rate = packed(work, told, size, given.steps)
        except torch.OutOfMemoryError:
            lines.append(f"| {size} | does not fit | | | |")
            break
        first = first or rate
        lines.append(f"| {size} | {rate:,.0f} | {rate / first:.2f} | {rate / peer:.2f} | {held(device)} |")
    return "\n".join(lines)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=tuple(SIZES), default="minilm")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--targets", choices=tuple(MODULES), default="qv")
    parser.add_argument("--layers", default="all")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--packs", type=lambda s: tuple(map(int, s.split(","))), default=(1, 2, 4, 8, 16, 32, 64))
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    device = default_device()
    if device.type == "cpu":
        torch.set_num_threads(1)
    print(table(parse(argv), device))


if __name__ == "__main__":
    main()
