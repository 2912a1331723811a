"""Methods: how a model is adapted. A new one is a file here with a `METHOD`, and a YAML under conf/method."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from typing import TYPE_CHECKING

from study.config import ranks
from study.core.errors import ConfigError

if TYPE_CHECKING:
    from study.config.schema import Configuration, StudyConfig
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


def check(config: StudyConfig) -> None:
    """Raise ConfigError where the study's own method is none, or would adapt no layer."""
    method, searched = of(config.configuration), any(key.startswith("method.rank") for key in config.space)
    if method.adapts and not ranks.adapts(config.method.rank) and not searched:
        remedy = "write a rank above 0, or method.kind=head"
        raise ConfigError(f"method.rank={config.method.rank}", "leaves every layer alone", remedy)
