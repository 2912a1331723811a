"""What each group of targets matches in a model: `lora-study --targets`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from study import methods, tasks
from study.config import ranks
from study.config.schema import MethodConfig, StudyConfig
from study.config.targets import GROUPS
from study.core import status_line
from study.core.errors import ConfigError
from study.core.text_table import Column, TextTable
from study.models import backbones
from study.models.targets import LinearSite, alike, fused_note, matches, select_ranks, stack_depths


@dataclass(frozen=True)
class Row:
    """Linear layers of one name: in how many blocks, W (out × in), and numbers in all of LoRA and of W.

    `lora` is None where the configured pattern of ranks has no key for them.
    """

    name: str
    part: str
    blocks: int
    outputs: int
    inputs: int
    lora: int | None
    weight: int


def rows(group: str, sites: tuple[LinearSite, ...], rank: int | str) -> list[Row]:
    """The linear layers that a group matches, a row for each name, in the order in which a block has them."""
    pattern = ranks.entries(rank)
    out = []
    for alike_sites in alike(s for s in sites if matches(group, s)):
        s, count = alike_sites[0], len(alike_sites)
        r = next((r for key, r in pattern if matches(key, s)), None)
        lora = None if r is None else count * r * (s.inputs + s.outputs)
        out.append(Row(s.within, s.part, count, s.outputs, s.inputs, lora, count * s.inputs * s.outputs))
    return out


def show(config: StudyConfig) -> None:
    """Print what each group of targets matches in the configured model, of which no weights are loaded.

    Raises StudyError where there is no such model, method or data.
    """
    from rich.console import Console

    methods.check(config)
    status_line.say("Reading the data")
    examples = tasks.get(config.task.name).load(config.task, config.study.seed)
    status_line.say("Looking at the model")
    sites = backbones.geometry(config.model, examples).sites
    status_line.end()
    console = Console(highlight=False, markup=False, soft_wrap=False)
    console.print(f"{config.model.name}: {_count_layers(sites)}. {_say_adapted(config.method, sites)}")
    for group in GROUPS:
        matched = rows(group, sites, config.method.rank)
        if matched:
            console.print()
            print(_table(group, matched, config.method.rank).text())
    for note in notes(sites):
        console.print()
        console.print(note)


def _count_layers(sites: tuple[LinearSite, ...]) -> str:
    depths = [f"{depth} {stack} blocks".replace("  ", " ") for stack, depth in stack_depths(sites).items()]
    return f"{len(sites)} linear layers in {' and '.join(depths)}"


def _say_adapted(method: MethodConfig, sites: tuple[LinearSite, ...]) -> str:
    if not methods.get(method.kind).adapts:
        return f"method.kind={method.kind} chooses none of them."
    try:
        count = len(select_ranks(method, sites))
    except ConfigError as error:
        return str(error)
    return f"method.targets={method.targets} method.layers={method.layers} adapts {count} of them."


def _table(group: str, matched: list[Row], rank: int | str) -> TextTable:
    parts = any(row.part for row in matched)
    known = [row.lora for row in matched if row.lora is not None]
    totals = {
        "blocks": f"{sum(row.blocks for row in matched)}",
        "out × in": "",
        f"LoRA r{rank}" if isinstance(rank, int) else "LoRA": f"{sum(known):,}" if len(known) == len(matched) else "–",
        "W": f"{sum(row.weight for row in matched):,}",
    }
    columns = [
        Column("linear layer", name=True, total="together"),
        *([Column("part", name=True)] if parts else []),
        *(Column(heading, total=total) for heading, total in totals.items()),
    ]
    lines = []
    for row in matched:
        lora = "–" if row.lora is None else f"{row.lora:,}"
        shape = f"{row.outputs} × {row.inputs}"
        lines.append((row.name, *([row.part] if parts else []), str(row.blocks), shape, lora, f"{row.weight:,}"))
    return TextTable(tuple(columns), tuple(lines), f"method.targets={group}")


def notes(sites: tuple[LinearSite, ...]) -> Iterator[str]:
    """What a person should know before choosing, a sentence or two each."""
    matching = [group for group in GROUPS if any(matches(group, s) for s in sites)]
    empty = [group for group in GROUPS if group not in (*matching, "conv")]  # no text model convolves a graph
    if empty:
        yield f"In this model {', '.join(empty)} {'matches' if len(empty) == 1 else 'match'} nothing."
    if one := fused_note(sites):
        yield f"{one}."
    unknown = ", ".join(dict.fromkeys(s.within for s in sites if not s.role))
    if unknown:
        yield f"What these do is not known, so that only all-linear and their names reach them: {unknown}."
    if any(s.part for s in sites):
        yield (
            "encoder, decoder or cross and a dot before a group or a name take it in that part alone; "
            "method.layers counts from the top of each stack:\n  method.targets=decoder.qv"
        )
    if sites:
        yield (
            "A target may also be a module's name, its end after a dot, or a regular expression on the whole name "
            f"such as {sites[0].name}:\n  method.targets={sites[0].within}"
        )
        keys = [g for g in matching if g in ("attention", "ffn", "conv")] or [sites[0].within]
        pattern = ", ".join(f"{key}: {8 >> 2 * i}" for i, key in enumerate(keys))
        yield (
            "Each may have a rank of its own. The first that matches a layer counts; 0 leaves it alone:\n"
            f"  'method.rank={{{pattern}}}', or to search it method.rank.{keys[-1]}=0,2,4"
        )
