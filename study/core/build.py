"""What a group of conf/ names by its `_target_`, made: a class or a function, with the arguments beside it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from study.core.errors import ConfigError, first_line

TARGET = "_target_"


def locate(group: str, config: Mapping[str, Any]) -> Callable[..., Any]:
    """The class or function that the group names; ConfigError where there is none."""
    from hydra._internal.utils import _locate  # get_object says several lines beside what it raises

    name = config.get(TARGET)
    try:
        target = _locate(str(name))
    except Exception as error:  # a module may raise anything while it is imported
        first = first_line(error.__cause__ or error)
        remedy = "write the dotted path of a class or function; PYTHONPATH names folders of your own"
        raise ConfigError(f"{group}.{TARGET}={name}", f"cannot be imported ({first})", remedy) from error
    if not callable(target):
        rule = "is neither a class nor a function"
        raise ConfigError(f"{group}.{TARGET}={name}", rule, "write the dotted path of one")
    return target  # type: ignore[no-any-return]


def build(group: str, config: Mapping[str, Any], kind: type[Any] = object, /, **offered: Any) -> Any:
    """What the group's target makes of the arguments beside it, and of those `offered` that it takes.

    Raises ConfigError for an argument that it does not take, lacks or refuses, and where what it makes is no `kind`.
    """
    target = locate(group, config)
    taken = _parameters(group, config, target)
    open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in taken.values())
    given = [key for key in config if not key.startswith("_")]
    odd = [key for key in given if key not in taken and not open_ended]
    if odd:
        names = ", ".join(n for n in taken if n not in offered)
        rule, remedy = f"is no argument of {config[TARGET]}", f"choose among {names}" if names else "leave it out"
        raise ConfigError(f"{group}.{odd[0]}={config[odd[0]]}", rule, remedy)
    more = {key: value for key, value in offered.items() if key in taken and key not in given}
    try:
        # Not instantiate as a whole, which would turn what is offered into configurations of its own.
        made = target(**{key: _resolve(config[key]) for key in given}, **more)
    except ConfigError:
        raise
    except Exception as error:  # whatever a class of another library says of its arguments
        first = next(iter(str(error.__cause__ or error).strip().splitlines()), "").rstrip(".") or type(error).__name__
        what = " ".join(f"{group}.{key}={config[key]}" for key in given) or f"{group}.{TARGET}={config[TARGET]}"
        rule = f"is refused by {config[TARGET]} ({first})"
        raise ConfigError(what, rule, f"write other values, or another {group}") from error
    if not isinstance(made, kind):
        remedy = f"write the dotted path of a subclass of {kind.__module__}.{kind.__name__}"
        raise ConfigError(f"{group}.{TARGET}={config[TARGET]}", f"makes no {kind.__name__}", remedy)
    return made


def targets_in(config: Any) -> Iterator[str]:
    """The names of everything that a group's options would have called, arguments of arguments among them."""
    if isinstance(config, Mapping):
        yield from [str(config[TARGET])] if TARGET in config else []
    for value in (
        config.values() if isinstance(config, Mapping) else config if isinstance(config, (list, tuple)) else ()
    ):
        yield from targets_in(value)


def _parameters(group: str, config: Mapping[str, Any], target: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The target's parameters by name; ConfigError where it does not tell them, as some of Python's own do not."""
    try:
        return inspect.signature(target).parameters
    except ValueError as error:
        rule, remedy = "does not tell which arguments it takes", "write the dotted path of another class or function"
        raise ConfigError(f"{group}.{TARGET}={config[TARGET]}", rule, remedy) from error


def _resolve(value: Any) -> Any:
    """The value, or what it names where it has a target of its own."""
    from hydra.utils import instantiate

    return instantiate(dict(value)) if isinstance(value, Mapping) and TARGET in value else value
