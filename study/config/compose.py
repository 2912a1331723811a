"""From conf/ and overrides to a StudyConfig, with what Hydra and OmegaConf object to said in one line."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import fields, is_dataclass, replace
from functools import cache, lru_cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from study.config.former import NAMED, renew
from study.config.options import OPEN
from study.config.rules import validate
from study.config.schema import StudyConfig
from study.config.values import flatten
from study.core.errors import ConfigError, first_line
from study.core.quoting import quote

CONFIG_MODULE, CONFIG_NAME = "study.conf", "study"
JOINING = "++space={"  # begins the last override of a command that searches, as study/config/overrides.py writes it
# What both raise of some overrides that they do not expect, such as ~objectives.0.
UNCAUGHT = (TypeError, ValueError, AttributeError, LookupError, AssertionError, ArithmeticError, RecursionError)


@cache  # which takes a fifth of the time of composing
def register_schema() -> None:
    """Tell Hydra the types of conf/, once a process: `schema` in its defaults list."""
    from hydra.core.config_store import ConfigStore
    from omegaconf import DictConfig, OmegaConf

    schema = OmegaConf.structured(StudyConfig)
    # A frozen dataclass is read-only to OmegaConf too; here YAML and overrides still have to fill it.
    for node in (schema, *schema.values()):
        if isinstance(node, DictConfig):
            OmegaConf.set_readonly(node, None)
    for group in OPEN:  # whose options bring their own keys, which must not join those of a default
        schema[group] = {}
    ConfigStore.instance().store(name="schema", node=schema)


def compose(overrides: list[str], config_dir: str | None = None) -> StudyConfig:
    """The typed, validated configuration that conf/, `config_dir` and Hydra's `overrides` come to.

    Raises ConfigError where they cannot be composed, or where no study can run with it.
    """
    from omegaconf import OmegaConf

    raw = compose_raw(overrides, config_dir)
    with explaining(overrides):
        config: Any = OmegaConf.to_object(raw)
    for group in OPEN:  # which have no type of their own
        if not isinstance(getattr(config, group), dict):
            raise ConfigError(
                f"{group}={getattr(config, group)}", "is not among the options of its group", _options(group)
            )
    groups = {group: renew(group, getattr(config, group)) for group in NAMED}
    config = replace(config, space={k: v for k, v in config.space.items() if v is not None}, **groups)
    validate(config)
    return config  # type: ignore[no-any-return]


def compose_raw(overrides: list[str], config_dir: str | None) -> Any:
    """What Hydra composes, as its own typed DictConfig that nobody changes; ConfigError where it cannot."""
    return _compose_packaged(tuple(overrides)) if config_dir is None else _compose(overrides, config_dir)


@lru_cache(maxsize=32)  # the same overrides are often composed again: a fifth of a second, for what nobody changes
def _compose_packaged(overrides: tuple[str, ...]) -> Any:
    if overrides and overrides[-1].startswith(JOINING):  # the others have been composed, to see what is searched
        return _join_space(_compose_packaged(overrides[:-1]), overrides[-1])
    return _compose(list(overrides), None)


def _join_space(raw: Any, override: str) -> Any:
    """What has been composed, with the space that an override adds to it as Hydra would."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf import OmegaConf

    with explaining([override]):
        entries = OverridesParser.create().parse_override(override).value()
        joined = deepcopy(raw)
        OmegaConf.set_readonly(joined, False)
        OmegaConf.update(joined, "space", entries, merge=True, force_add=True)
    OmegaConf.set_readonly(joined, True)
    return joined


def _compose(overrides: list[str], config_dir: str | None) -> Any:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_module
    from omegaconf import OmegaConf

    register_schema()
    extra = [f"hydra.searchpath=[{quote(f'file://{resolve_folder(config_dir)}')}]"] if config_dir else []
    with (
        explaining(overrides),
        warnings.catch_warnings(),
        initialize_config_module(CONFIG_MODULE, version_base=None),
    ):
        warnings.simplefilter("ignore")
        raw = hydra_compose(CONFIG_NAME, overrides=[*overrides, *extra])
    _check_keys(raw, StudyConfig)
    OmegaConf.set_readonly(raw, True)
    return raw


def resolve_folder(config_dir: str) -> Path:
    """The folder of a person's own configurations; ConfigError where there is none."""
    if not Path(config_dir).is_dir():
        raise ConfigError(f"--config-dir={config_dir}", "is no folder", "name the folder of your own configurations")
    return Path(config_dir).resolve()


def _check_keys(node: Any, kind: Any, prefix: str = "") -> None:
    """Raise ConfigError for a key that the schema lacks (Hydra appends any with +), or a group that is not itself."""
    from omegaconf import OmegaConf

    parts = {f.name: f.default_factory for f in fields(kind)}
    for name in node:
        if name not in parts:
            raise _unknown_key(f"{prefix}{name}")
    for name, group in parts.items():
        if not is_dataclass(group):
            continue
        remedy = f"write its keys, such as {prefix}{name}.{fields(group)[0].name}=1"
        if name not in node:
            raise ConfigError(f"~{prefix}{name}", "takes away a group that every study has", remedy)
        inner = node._get_node(name)
        if inner._is_interpolation() or OmegaConf.get_type(inner) is not group:
            raise ConfigError(f"{prefix}{name}={inner._value()}", "is a value in a group's place", remedy)
        _check_keys(inner, group, f"{prefix}{name}.")


def check_option(group: str, value: Any) -> None:
    """Raise ConfigError where the value for a group of conf/ is no word, which Hydra meets with a traceback."""
    if (files(CONFIG_MODULE) / group).is_dir() and not isinstance(value, (str, list, dict)):
        said = "null" if value is None else value
        raise ConfigError(f"{group}={said}", "is not among the options of its group", _options(group))


@contextmanager
def explaining(overrides: Sequence[str]) -> Iterator[None]:
    """While open, what Hydra and OmegaConf raise of a configuration becomes one ConfigError, whatever it is."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise explain(error) from error
    except UNCAUGHT as error:
        rule = f"cannot be composed ({first_line(error)})"
        raise ConfigError(" ".join(overrides), rule, "write keys of groups, such as train.lr=1e-3") from error


def explain(error: BaseException) -> ConfigError:
    """The ConfigError that says in one line what an error of Hydra or OmegaConf says in several."""
    causes = list(_causes(error))
    text, last = " ".join(map(str, causes)), [line.strip() for line in str(causes[-1]).splitlines() if line.strip()]
    where = re.search(r"full_key: (\S+)", text)
    if where and "issing mandatory value" in text:
        rule, remedy = "??? stands for a value that is missing", f"write another value, or leave {where[1]} away"
        return ConfigError(f"{where[1]}=???", rule, remedy)
    option = re.search(r"Could not find '([^']+)/([^/']+)'|You must specify '([^']+)'", text)
    if option:
        group, name = option[1] or option[3], option[2] or "???"
        return ConfigError(f"{group}={name}", "is not among the options of its group", _options(group))
    override = re.search(r"Override (.+) looks like a config group", text, re.DOTALL)
    if override:
        return ConfigError(override[1], "names a group that there is not", "lora-study --help shows the groups")
    key = re.search(r"Could not (?:override|append to config)[^']*'([^']+)'|Key '([^']+)' (?:is )?not in", text)
    if key and not last[0].startswith("Value"):
        return _unknown_key(key[1] or key[2])
    remedy = "lora-study --cfg job shows each key with its default"
    return ConfigError(where[1] if where else last[0], last[0].rstrip("."), remedy)


def _unknown_key(key: str) -> ConfigError:
    close = difflib.get_close_matches(key, list(flatten(StudyConfig())), 1)
    if close == [key]:
        return ConfigError(key, "has no group any more", f"leave ~{key.partition('.')[0]} away")
    remedy = f"did you mean {close[0]}" if close else "lora-study --cfg job shows the keys that there are"
    return ConfigError(key, "is not a configuration key", remedy)


def _options(group: str) -> str:
    with as_file(files(CONFIG_MODULE)) as conf:
        names = sorted(options_by_group(conf).get(group, ()))
    return f"choose one of {', '.join(names)}" if names else "lora-study --help shows the groups"


def options_by_group(*folders: Path) -> dict[str, set[str]]:
    """The options of each group that the folders hold; Hydra's own groups are left out."""
    known: dict[str, set[str]] = {}
    for folder in folders:
        for file in folder.rglob("*.yaml"):
            group = file.parent.relative_to(folder).as_posix()
            if group != "." and group.partition("/")[0] != "hydra":
                known.setdefault(group, set()).add(file.stem)
    return known


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
