"""Which members of a round train together: a function of the round and of sizes that are fixed once per study."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

from study import methods
from study.config.members import Member
from study.config.schema import EngineConfig
from study.core import interruption

if TYPE_CHECKING:
    from study.launch import Launcher
    from study.search.ledger import Ledger

ALONE = "alone:"  # begins the name of a group whose members cannot train together

SizeOf = Callable[[str, list[Member]], int]


def compose(members: Iterable[Member], size_of: SizeOf) -> list[list[Member]]:
    """The members in packs, the longest first.

    Only members that share model and frozen prefix meet; members of one fold come together, since their
    batches are the same texts. `size_of(group, its members)` is asked once for each group.
    """
    groups: dict[str, list[Member]] = {}
    for member in sorted(members, key=lambda m: (m.fold, m.trial)):
        groups.setdefault(group_of(member), []).append(member)
    packs = []
    for name, alike in groups.items():
        size = 1 if name.startswith(ALONE) else size_of(name, alike)
        packs += [alike[i : i + size] for i in range(0, len(alike), size)]
    return sorted(packs, key=_cost, reverse=True)


def sizes(engine: EngineConfig, ledger: Ledger, launcher: Launcher) -> SizeOf:
    """How many of a group train together: as configured, or measured once and kept with the study."""

    def size_of(group: str, members: list[Member]) -> int:
        if engine.pack != "auto":
            return int(engine.pack)
        known = ledger.pack_sizes()
        if group not in known:
            with interruption.heeding():
                known[group] = launcher.pack_size(members)
            ledger.keep_pack_size(group, known[group])
        return known[group]

    return size_of


def outstanding(
    packs: Iterable[list[Member]], known: Collection[tuple[int, int]], again: Collection[int]
) -> list[list[Member]]:
    """The packs in which somebody is not `known`, by trial and fold: whole, as they were begun before an interruption.

    Beside members of trials that are tried `again`, nobody trains who is known.
    """
    out = []
    for pack in packs:
        unknown = [m for m in pack if (m.trial, m.fold) not in known]
        out.append(unknown if any(m.trial in again for m in pack) or not unknown else pack)
    return [pack for pack in out if pack]


def group_of(member: Member) -> str:
    """What members must share to train together: the model and the lowest block that they change."""
    c = member.configuration
    if not member.adaptation.packs:
        return f"{ALONE} {c.method.kind}"
    return f"{c.model.name} {c.model.precision} {c.model.max_length} {c.model.pooling} from {member.adaptation.lowest}"


def _cost(pack: list[Member]) -> tuple[int, int, int, int]:
    """What reaches deeper into the model, and trains more of it at once, trains longer."""
    c = pack[0].configuration
    depth = {"all": 9, "top-half": 5}.get(c.method.layers, 1)
    return methods.of(c).effort, depth, max(m.configuration.train.epochs for m in pack), len(pack)
