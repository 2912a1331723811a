"""Methods: how a model is adapted. A new one is a file here with a `METHOD`, and a YAML under conf/method."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from study.config import ranks
from study.core.errors import ConfigError

if TYPE_CHECKING:
    from study.config.schema import Configuration, StudyConfig
    from study.config.space import Space
    from study.methods.base import Method


def names() -> tuple[str, ...]:
    """The methods that there are, in alphabetical order."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name != "base" and not m.ispkg))


def get(name: str) -> Method:
    """The method of that name; ConfigError where there is none."""
    # Asked for every trial and member: what is imported is taken without a look into the folder.
    known = None if name == "base" else sys.modules.get(f"{__name__}.{name}")
    if known is None and name not in names():
        raise ConfigError(f"method.kind={name}", f"is not one of {', '.join(names())}", "choose one of these")
    method: Method = (known or importlib.import_module(f"{__name__}.{name}")).METHOD
    return method


def of(configuration: Configuration) -> Method:
    """The method that the configuration trains by; ConfigError where there is none of that name."""
    return get(configuration.method.kind)


def ask_what_is_read(space: Space, usual: str) -> Space:
    """The space whose keys are asked for where the kind of method reads them: λ where there is a factor to hold.

    Where the kind is not searched, it is the `usual` one.
    """
    kinds = space.extremes().get("method.kind", [usual])
    readers = {key: frozenset(kind for kind in kinds if get(kind).is_read(key)) for key in space.distributions}
    return replace(space, readers={key: kept for key, kept in readers.items() if len(kept) < len(kinds)})


def check(config: StudyConfig) -> None:
    """Raise ConfigError where the study's own method is none, or would adapt no layer."""
    method, searched = of(config.configuration), any(key.startswith("method.rank") for key in config.space)
    if method.adapts and not ranks.adapts(config.method.rank) and not searched:
        remedy = "write a rank above 0, or method.kind=head"
        raise ConfigError(f"method.rank={config.method.rank}", "leaves every layer alone", remedy)
