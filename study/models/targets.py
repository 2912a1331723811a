"""Which linear layers a method adapts, and with which rank."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from study.config import ranks
from study.config.schema import LAYERS, MethodConfig
from study.config.targets import GROUPS, blocks_from_top, expression, split_part
from study.core.errors import ConfigError

LOOK = "lora-study --targets shows what each group matches"


@dataclass(frozen=True)
class LinearSite:
    """A linear layer of the backbone: its dotted name, the index of its block in its own stack, its sizes.

    `role` is one of those in study/models/families.py; `part` is one of `PARTS` in
    study/config/targets.py, "" in a model of one stack.
    """

    name: str
    layer: int
    inputs: int
    outputs: int
    role: str
    part: str = ""

    @property
    def within(self) -> str:
        """The layer's name inside its block, such as ``attention.self.query``."""
        return self.name.split(f".{self.layer}.", 1)[1]

    @property
    def stack(self) -> str:
        """The stack of blocks that the layer is in: encoder or decoder, "" where there is one alone."""
        return "decoder" if self.part == "cross" else self.part

    @property
    def limit(self) -> int:
        """The highest rank that a matrix of its shape can have."""
        return min(self.inputs, self.outputs)


def matches(target: str, site: LinearSite) -> bool:
    """Whether a target names the layer: a group, a module's name, or a regular expression on the whole name.

    Before a group or a name may stand a part of the model, as in ``decoder.qv``. Raises ConfigError for what is
    no regular expression.
    """
    part, rest = split_part(target)
    if part and part == site.part and _names(rest, site):
        return True
    if _names(target, site):
        return True
    return target not in GROUPS and expression(target).fullmatch(site.name) is not None


def _names(target: str, site: LinearSite) -> bool:
    """Whether a target without a part names the layer: as a group, or as the end of its name."""
    return site.role in GROUPS[target] if target in GROUPS else site.name.endswith(f".{target}")


def select_layers(spec: str, count: int) -> range:
    """The block indices that `method.layers` names of a stack of `count`: all, top-half or top-N.

    Raises ConfigError where the model has no such layers.
    """
    chosen = blocks_from_top(spec, count)
    if not chosen:
        remedy = f"write {', '.join(LAYERS)} or top-N with N up to {count}"
        raise ConfigError(f"method.layers={spec}", f"names no layers of a model of {count}", remedy)
    return range(count - chosen, count)


def select_ranks(method: MethodConfig, sites: tuple[LinearSite, ...]) -> dict[LinearSite, int]:
    """The layers that a method's targets, layers and rank name, each with its rank.

    Layers count from the top of each stack. Raises ConfigError where the targets match no layer, a key of the rank
    matches none or no key matches a targeted layer, and where a rank exceeds min(in, out).
    """
    pattern, chosen = ranks.entries(method.rank), _select_sites(method, sites)
    for key, _ in pattern:
        if not any(matches(key, s) for s in sites):
            raise ConfigError(f"method.rank={method.rank}", f"{key} matches no linear layer of this model", LOOK)
    keys = {site: next((entry for entry in pattern if matches(entry[0], site)), None) for site in chosen}
    lacking = [site for site, entry in keys.items() if entry is None]
    if lacking:
        rule = f"gives no rank to {_list_names(lacking)}, which method.targets={method.targets} adapts"
        remedy = f"add a key for it, such as {lacking[0].within}: 4, with 0 to leave it alone"
        raise ConfigError(f"method.rank={method.rank}", rule, remedy)
    given = {site: entry[1] for site, entry in keys.items() if entry is not None and entry[1]}
    limit = min((s.limit for s, rank in given.items() if rank > s.limit), default=None)
    if limit is not None:
        rule = f"exceeds min(in, out) = {limit} of a targeted layer"
        raise ConfigError(f"method.rank={method.rank}", rule, f"write a rank from 1 to {limit}")
    return given


def _select_sites(method: MethodConfig, sites: tuple[LinearSite, ...]) -> list[LinearSite]:
    """The layers that `method.targets` and `method.layers` name together; ConfigError where there are none."""
    named = [s for s in sites if matches(method.targets, s)]
    if not named:
        raise _no_match(method.targets, sites)
    depths = stack_depths(sites)
    wanted = {stack: select_layers(method.layers, depths[stack]) for stack in {s.stack for s in named}}
    chosen = [s for s in named if s.layer in wanted[s.stack]]
    if not chosen:
        rule = f"matches no linear layer of method.layers={method.layers}"
        raise ConfigError(f"method.targets={method.targets}", rule, "write method.layers=all")
    return chosen


def _no_match(target: str, sites: tuple[LinearSite, ...]) -> ConfigError:
    """The error for a target that matches no layer, with targets that would."""
    if target.rpartition(".")[2] in GROUPS and not any(s.role for s in sites):
        rule = "is not known of this model, whose architecture the suite does not know"
        groups = ["all-linear"]
    else:
        rule = "matches no linear layer of this model"
        groups = [g for g in GROUPS if any(matches(g, s) for s in sites)]
    remedy = f"choose one of {', '.join(groups)}, or one of {_list_names(sites)}"
    return ConfigError(f"method.targets={target}", rule, remedy)


def _list_names(sites: Iterable[LinearSite]) -> str:
    """The layers' names inside their blocks, each once, with commas."""
    return ", ".join(dict.fromkeys(s.within for s in sites))


def stack_depths(sites: Iterable[LinearSite]) -> dict[str, int]:
    """How many blocks each stack has."""
    depths: dict[str, int] = {}
    for site in sites:
        depths[site.stack] = max(depths.get(site.stack, 0), site.layer + 1)
    return depths


def fused_note(sites: Iterable[LinearSite]) -> str:
    """A remark on matrices that make queries, keys and values at once; "" where there are none."""
    names = _list_names(s for s in sites if s.role == "qkv")
    return f"{names}: one matrix makes queries, keys and values, so qv adapts it whole, as PEFT does" if names else ""


def alike(sites: Iterable[LinearSite]) -> list[tuple[LinearSite, ...]]:
    """Groups of layers of one name, part and shape, in the order in which a block has them."""
    kinds: dict[tuple[object, ...], list[LinearSite]] = {}
    for site in sites:
        kinds.setdefault((site.part, site.within, site.inputs, site.outputs), []).append(site)
    return [tuple(group) for group in kinds.values()]


def describe(sites: Iterable[LinearSite]) -> dict[str, object]:
    """The layers as a record that JSON can hold: what is the same in several blocks is said once.

    `{}` in a path stands for the block's index.
    """
    sites = tuple(sites)
    modules = [
        {
            "stack": first.stack, "part": first.part, "name": first.within, "blocks": [s.layer for s in group],
            "path": first.name.replace(f".{first.layer}.", ".{}.", 1),
            "groups": [g for g in GROUPS if matches(g, first)], "in": first.inputs, "out": first.outputs,
        }
        for group in alike(sites)
        for first in group[:1]
    ]  # fmt: skip
    return {"stacks": stack_depths(sites), "modules": modules}
