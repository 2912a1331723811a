"""The arguments of `lora-export`: each is named as it was typed where it cannot be followed."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Sequence
from typing import Any

from study.core.errors import ConfigError, first_line
from study.core.flags import read_flags
from study.core.quoting import as_text, parse_override, quote

TEXTS = ("study", "trial", "format", "within", "registered_name", "out", "storage.url", "tracking.uri")
OPTIONAL = ("trial", "format", "within", "registered_name", "tracking.uri")
FLAGS = ("ensemble", "register", "trust_remote_code")
KEYS = (*TEXTS, *FLAGS, "data")
USAGE = "write lora-export study=NAME format=merged"


def for_hydra(typed: Sequence[str]) -> list[str]:
    """The arguments in Hydra's grammar, their text quoted."""
    return [as_text(argument, TEXTS, OPTIONAL) for argument in typed]


def refuse_flags(typed: Sequence[str]) -> None:
    """Raise ConfigError where a flag is none of Hydra's."""
    read_flags("lora-export", for_hydra(typed))


def compose(typed: Sequence[str]) -> Any:
    """What conf/export.yaml and the arguments come to.

    Raises ConfigError, which names the argument as it was typed, where one cannot be read, has no such key, or is no
    value of its key; and where a key that must be given is not.
    """
    from hydra import compose, initialize_config_module
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    for place in range(len(typed)):
        _check(typed, place)
    try:
        with initialize_config_module("study.conf", version_base=None):
            config = compose("export", for_hydra(typed))
            missing = OmegaConf.missing_keys(config)
    except (HydraException, OmegaConfBaseException) as error:
        first = first_line(error)
        raise ConfigError(shlex.join(typed), first, "lora-export --help shows the keys") from error
    if missing:
        raise ConfigError(", ".join(sorted(missing)), "must be given", USAGE)
    for key in FLAGS:
        if not isinstance(config[key], bool):
            raise ConfigError(
                f"{key}={config[key]}", "is neither true nor false", f"write {key}=true, or leave it away"
            )
    return config


def _check(typed: Sequence[str], place: int) -> None:
    """Raise ConfigError where the argument at that place is not one value of one of the keys."""
    argument = typed[place]
    override = parse_override(for_hydra([argument])[0])
    if override is None or "=" not in argument:
        raise ConfigError(argument, "is not in Hydra's override grammar", _remedy(typed, place))
    key = override.key_or_group
    if key not in KEYS and not key.startswith("hydra"):
        close = difflib.get_close_matches(key, KEYS, 1)
        remedy = f"did you mean {close[0]}" if close else "lora-export --help shows the keys"
        raise ConfigError(argument, f"{key} is no key of lora-export", remedy)
    if override.is_delete() or override.is_sweep_override():
        what = "takes a key away" if override.is_delete() else "gives several values"
        raise ConfigError(argument, f"{what}, and an export has one value for each key", f"write {key}=VALUE")


def _remedy(typed: Sequence[str], place: int) -> str:
    """How the argument is written for the shell: with the one before it, where a space may have cut them apart."""
    key, equals, value = typed[place].partition("=")
    if equals:
        return f"for a text, write {shlex.quote(f'{key}={quote(value)}')}"
    first = next((i for i in range(place - 1, -1, -1) if "=" in typed[i]), None)
    if first is None:
        return USAGE
    last = next((i for i in range(place, len(typed)) if "=" in typed[i]), len(typed))
    return f"a value with spaces is quoted for the shell: {shlex.quote(' '.join(typed[first:last]))}"
