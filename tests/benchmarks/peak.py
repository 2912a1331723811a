"""How much of this machine's float32 matrix-product rate a training step reaches.

``python tests/benchmarks/peak.py`` prints Markdown. Products and steps are measured in turns in the same
process, since the machine's own speed changes while one looks; a worker is one thread, so the same is
measured by one process alone and by as many at once as there are cores.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from study.engine.fit import Fit

SHAPES = (1024, 1536, 2048)  # squares: large enough to be limited by arithmetic alone
EXAMPLES, REPEATS = 96, 5
GIGA = 1e9


@dataclass(frozen=True)
class Step:
    """A kind of training step: all layers adapted with rank 8."""

    targets: str
    batch_size: int


STEPS = tuple(Step(targets, size) for targets in ("qv", "all-linear") for size in (16, 32))


@dataclass(frozen=True)
class Measured:
    """Operations a second: the best product, and each step's best."""

    product: float
    steps: dict[Step, float]


def product_rate(n: int, times: int = 3) -> float:
    """Operations a second of an n × n × n product, the best of `times`."""
    import torch

    a, b = torch.randn(n, n), torch.randn(n, n)
    out = torch.empty(n, n)
    return 2 * n**3 / min(seconds(lambda: torch.mm(a, b, out=out)) for _ in range(times))


def seconds(work: Callable[[], object]) -> float:
    """How long the work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def operations(work: Callable[[], object]) -> int:
    """Floating point operations in the matrix products of `work`, forward and backward, attention's too."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

    def forward(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        return int(sdpa_flop_count(query, key, value))

    def backward(grad: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        return int(sdpa_backward_flop_count(grad, query, key, value))

    # torch counts the attention kernels of GPUs, and does not know the CPU's.
    aten = torch.ops.aten
    extra = {
        aten._scaled_dot_product_flash_attention_for_cpu: forward,
        aten._scaled_dot_product_flash_attention_for_cpu_backward: backward,
    }
    with FlopCounterMode(display=False, custom_mapping=extra) as counter:
        work()
    return counter.get_total_flops()


def fits(examples: int = EXAMPLES) -> dict[Step, Fit]:
    """The engine's own training of each step, on real sentences and the real encoder."""
    import numpy as np
    import torch
    import transformers

    from study import methods, tasks
    from study.config.members import Member
    from study.config.schema import Configuration, MethodConfig, TaskConfig, TrainConfig
    from study.core.records import Fold
    from study.engine.fit import Fit
    from study.engine.workbench import StudyData, Workbench
    from study.models.backbones import Geometry

    transformers.logging.disable_progress_bar()
    sentences = tasks.get("sentiment").load(TaskConfig(limit=examples), 0)
    everything = np.arange(len(sentences))
    data = StudyData(sentences, (Fold(0, everything, everything),))
    out = {}
    for step in STEPS:
        configuration = Configuration(
            method=MethodConfig(rank=8, targets=step.targets, layers="all"),
            train=TrainConfig(batch_size=step.batch_size),
        )
        # A bench each: a fit attaches its adapters to its bench's encoder.
        bench = Workbench(data, torch.device("cpu"))
        encoder = bench.encoder(configuration.model)
        geometry = Geometry(encoder.sites, encoder.layers, encoder.parameters)
        adapted = methods.of(configuration).adapt(configuration.method, geometry)
        out[step] = Fit([Member(0, 0, configuration, 0, adapted)], bench)
    return out


def measure(threads: int = 1, repeats: int = REPEATS, steps: bool = True) -> Measured:
    """The best of several repetitions of each, in turns, in this process."""
    import torch

    torch.set_num_threads(threads)
    work = {step: fit.train_epoch for step, fit in fits().items()} if steps else {}
    counts = {step: operations(run) for step, run in work.items()}
    product, best = 0.0, dict.fromkeys(work, 0.0)
    for _ in range(repeats):
        product = max(product, *map(product_rate, SHAPES))
        for step, run in work.items():
            best[step] = max(best[step], counts[step] / seconds(run))
    return Measured(product, best)


def at_once(processes: int, threads: int = 1, steps: bool = True) -> Measured:
    """The sum over processes that measure at the same time."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context) as pool:
        each = [f.result() for f in [pool.submit(measure, threads, REPEATS, steps) for _ in range(processes)]]
    return Measured(sum(m.product for m in each), {s: sum(m.steps[s] for m in each) for s in each[0].steps})


def render(measured: dict[str, Measured]) -> str:
    """The rates as Markdown: GFLOP/s and the share of the products' rate."""
    names = [f"step {s.targets}, batch {s.batch_size}" for s in STEPS]
    lines = [["float32, GFLOP/s", "square product", *names], [":--", *["--:"] * (len(names) + 1)]]
    for name, m in measured.items():
        cells = [f"{m.steps[s] / GIGA:.0f} ({m.steps[s] / m.product:.0%})" if s in m.steps else "" for s in STEPS]
        lines.append([name, f"{m.product / GIGA:.0f}", *cells])
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    return f"Training steps with all layers adapted, rank 8; in brackets their share of the product's rate.\n\n{text}"


def main() -> None:
    """Measure and print."""
    from study.launch.worker import cores

    count = cores()
    measured = {
        "1 process of 1 thread": at_once(1),
        f"{count} processes of 1 thread": at_once(count),
        f"1 process of {count} threads": at_once(1, count, steps=False),
    }
    print(render(measured))


if __name__ == "__main__":
    main()
