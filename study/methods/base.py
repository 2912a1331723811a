"""The contract of a method: which keys it reads, where it starts, what trains, what is stored."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, ClassVar

from study.config.ranks import PLACE
from study.config.schema import OBSERVING, Configuration, MethodConfig
from study.config.values import flatten
from study.core.formatting import setting
from study.core.records import Adaptation
from study.models.targets import LinearSite, select_ranks

if TYPE_CHECKING:
    import torch
    from torch import nn

    from study.methods.layers.packed import Start
    from study.methods.layers.spectrum import Spectrum
    from study.models.geometry import Geometry

UPDATE, THIN, WEIGHTS, NOTHING = "update", "thin", "weights", "nothing"  # what training leaves of a layer
SHOWN = ("kind", "rank", "lam", "targets", "layers", "residual")  # keys that a label shows in its own way


class Method(ABC):
    """One way to adapt a model.

    Guarantees: a key of `method` that is not in `reads` changes nothing; members whose methods pack train together
    over one frozen model, and none feels the others; counts are known from shapes alone.
    """

    name: ClassVar[str]
    reads: ClassVar[tuple[str, ...]] = ()  # keys of `method`, beside its kind
    trains_backbone: ClassVar[bool] = False  # whether the model's own weights train
    effort: ClassVar[int] = 2  # how long it trains beside others; the longest packs go first

    @property
    def adapts(self) -> bool:
        """Whether it adapts the layers that `method.targets` names."""
        return "targets" in self.reads

    def is_read(self, key: str) -> bool:
        """Whether a configuration key, such as method.lam or method.rank.ffn, can change what is trained."""
        group, _, name = key.partition(".")
        return group != "method" or name.partition(".")[0] in ("kind", *self.reads)

    @abstractmethod
    def adapt(self, config: MethodConfig, geometry: Geometry) -> Adaptation:
        """What the configuration comes to on a model; ConfigError where it does not fit."""

    @abstractmethod
    def leaves(self, config: MethodConfig) -> str:
        """What training leaves of an adapted layer: W and an update, two thin layers, other weights, or nothing."""

    def start(
        self, config: MethodConfig, site: str, weight: torch.Tensor, rank: int, seed: int, spectrum: Spectrum
    ) -> Start:
        """Where a member starts at the layer of that name with that W (out × in); for methods that adapt."""
        raise TypeError(f"method.kind={self.name} adapts no layer")

    def starts(
        self, config: MethodConfig, ranks: Mapping[str, int], backbone: nn.Module, seed: int, spectrum: Spectrum
    ) -> dict[str, Start]:
        """One member's start at each of these layers of the model, by the layer's name."""
        from study.models.linear import matrix

        layers = {name: matrix(backbone.get_submodule(name)) for name in ranks}
        return {n: self.start(config, n, weight, ranks[n], seed, spectrum) for n, weight in layers.items()}

    def baseline(self, base: Configuration, geometry: Geometry, highest_full_lr: float) -> dict[str, Any]:
        """The values of the configuration that a front is held against, as far as they differ from `base`."""
        return {"method.kind": self.name}

    def baseline_name(self, config: MethodConfig) -> str:
        """What a baseline of that configuration is called."""
        return self.name

    def canonical(self, configuration: Configuration) -> Configuration:
        """The same training with every key that changes nothing of it at its default."""
        default = MethodConfig(kind=self.name)
        ignored = {f.name for f in fields(MethodConfig)} - {"kind", *self.reads}
        values = {name: getattr(default, name) for name in ignored}
        out = replace(configuration, method=replace(configuration.method, **values))
        return out.with_values({key: flatten(Configuration())[key] for key in OBSERVING})

    def label(self, configuration: Configuration, searched: Collection[str] = (), usual: str | None = None) -> str:
        """A name a person can read: ``r8 λ10 qv top-half`` or, where not of the `usual` kind, ``lora r8 qv all``.

        Of the keys that a study searches, those that the name would not show are added: ``lr=0.003``.
        """
        values, parts = flatten(configuration), self._parts(configuration.method)
        hidden = {f"method.{f.name}" for f in fields(MethodConfig) if f.name in SHOWN or f.name not in self.reads}
        more = [key for key in searched if key not in hidden and not key.startswith(PLACE)]
        named = [*parts, *(f"{key.partition('.')[2]}={setting(values[key])}" for key in more)]
        return " ".join(named if parts and self.name == usual else [self.name, *named])

    def _parts(self, config: MethodConfig) -> list[str]:
        """What a label says of the method's own keys."""
        return []


class LowRank(Method):
    """A method of two factors at every adapted layer: D (r × in) and B (out × r)."""

    reads: ClassVar[tuple[str, ...]] = ("rank", "lam", "targets", "layers")

    @abstractmethod
    def count_trained(self, site: LinearSite, rank: int) -> int:
        """How many numbers train at a layer of that rank."""

    def count_stored(self, config: MethodConfig, site: LinearSite, rank: int) -> int:
        """How many numbers an adapted layer needs on disk beyond those of W."""
        return self.count_trained(site, rank)

    def adapt(self, config: MethodConfig, geometry: Geometry) -> Adaptation:
        chosen = select_ranks(config, geometry.sites)
        return Adaptation(
            ranks={site.name: rank for site, rank in chosen.items()},
            lowest=min((geometry.height(site) for site in chosen), default=geometry.layers),
            trained=sum(self.count_trained(site, rank) for site, rank in chosen.items()),
            stored=geometry.parameters + sum(self.count_stored(config, site, rank) for site, rank in chosen.items()),
            # Relative positions enter their layers once for all rows of a batch, whoever's they are.
            packs=all(site.role != "position" for site in chosen),
        )

    def leaves(self, config: MethodConfig) -> str:
        return UPDATE

    def _parts(self, config: MethodConfig) -> list[str]:
        rank = f"r{config.rank}" if isinstance(config.rank, int) else f"r {config.rank}"
        held = [f"λ{setting(config.lam)}"] if config.lam is not None else []
        return [rank, *held, config.targets, config.layers]


SCALED = ("rank", "alpha", "scaling", "lam", "targets", "layers")  # what a method reads whose update has a scale


def scale(config: MethodConfig, rank: int) -> float:
    """The factor of an update of that rank: α/r (Hu et al. 2021) or α/√r (Kalajdzievski 2023, arXiv 2312.03732)."""
    return config.alpha / (rank if config.scaling == "alpha/r" else math.sqrt(rank))
