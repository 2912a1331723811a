"""The packaged configuration, read, parsed and composed once a process and then copied: most tests compose it."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy, deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

PACKAGED = {"hydra", "main", "schema"}  # who provides what cannot change while tests run
OURS = f"file://{Path(__file__).parent}/"  # nor can what lies among the tests


@cache
def install() -> None:
    """Let Hydra keep what it has loaded, and what that comes to before values are overridden."""
    from hydra._internal import config_loader_impl as loading
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra._internal.config_repository import CachingConfigRepository, ConfigRepository

    CachingConfigRepository.__init__ = _copy_shallowly  # type: ignore[method-assign]
    ConfigRepository.load_config = _loading(ConfigRepository.load_config)  # type: ignore[method-assign]
    loading.create_defaults_list = _listing(loading.create_defaults_list)  # type: ignore[attr-defined]
    compose = ConfigLoaderImpl._compose_config_from_defaults_list
    ConfigLoaderImpl._compose_config_from_defaults_list = _composing(compose)  # type: ignore[method-assign]


def _copy_shallowly(repository: Any, delegate: Any) -> None:
    """Begin with a copy whose list of sources may be replaced; what these hold is only read."""
    repository.delegate, repository.cache = copy(delegate), {}


def _sources(repository: Any) -> tuple[object, ...] | None:
    """Where the repository reads; None where something there may change while tests run."""
    sources = tuple((source.provider, f"{source.scheme()}://{source.path}") for source in repository.get_sources())
    return sources if all(provider in PACKAGED or path.startswith(OURS) for provider, path in sources) else None


def _loading(load: Callable[..., Any]) -> Callable[..., Any]:
    """As `load`, a method that loads one file."""
    kept = dict[tuple[object, ...], Any]()

    def load_config(self: Any, config_path: str) -> Any:
        if (sources := _sources(self)) is None:
            return load(self, config_path)
        if (key := (config_path, sources)) not in kept:
            kept[key] = load(self, config_path)
        return deepcopy(kept[key])

    return load_config


def _listing(create: Callable[..., Any]) -> Callable[..., Any]:
    """As `create`, which lists the files that options of groups come to, and the overrides that are left."""
    kept = dict[tuple[object, ...], Any]()

    def create_defaults_list(repo: Any, config_name: str, overrides_list: list[Any], **how: bool) -> Any:
        if (sources := _sources(repo)) is None:
            return create(repo=repo, config_name=config_name, overrides_list=overrides_list, **how)
        groups = [each for each in overrides_list if repo.group_exists(each.key_or_group)]
        key = (sources, config_name, *how.items(), *(each.input_line for each in groups))
        if key not in kept:
            kept[key] = create(repo=repo, config_name=config_name, overrides_list=groups, **how)
        left = [each for each in overrides_list if not each.is_sweep_override()]
        values = [each for each in left if each not in groups or isinstance(each.value(), dict)]
        return replace(kept[key], config_overrides=values)

    return create_defaults_list


def _composing(compose: Callable[..., Any]) -> Callable[..., Any]:
    """As `compose`, a method that composes the listed files."""
    kept = dict[tuple[object, ...], Any]()

    def compose_config(self: Any, defaults: list[Any], repo: Any) -> Any:
        if (sources := _sources(repo)) is None:
            return compose(self, defaults=defaults, repo=repo)
        if (key := (sources, repr(defaults))) not in kept:
            kept[key] = compose(self, defaults=defaults, repo=repo)
        return deepcopy(kept[key])

    return compose_config
