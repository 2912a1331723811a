"""The command line: Hydra composes, sweeps join the space, errors are one line with exit status 2."""

from __future__ import annotations

import difflib
import gc
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from study.config import StudyConfig, flatten, validate
from study.errors import ConfigError, StudyError

CONFIG_MODULE, CONFIG_NAME = "study.conf", "study"
KNOWN = {
    "sampler.name": ("tpe", "random", "grid", "nsga2", "gp"),
    "launcher.name": ("local",),
    "tracking.name": ("mlflow", "off"),
}
# What picking another option of a group settles, so that it is no longer searched.
SETTLED_BY_GROUP = {"method": ("method.kind",), "model": ("model.name",)}


def main(argv: list[str] | None = None) -> NoReturn:
    """Run `lora-study` with these arguments and exit."""
    given = sys.argv[1:] if argv is None else argv
    try:
        status = _run(given)
    except StudyError as error:
        print(f"lora-study: {error}", file=sys.stderr)
        status = 2
    except KeyboardInterrupt:
        status = 130
    gc.freeze()  # else the interpreter searches a heap full of libraries for cycles, for two seconds, to say goodbye
    sys.exit(status)


def _run(given: list[str]) -> int:
    from hydra._internal.utils import get_args_parser

    _register_schema()
    arguments = get_args_parser().parse_args(given)
    flags = [a for a in given if a not in arguments.overrides and a not in ("-m", "--multirun")]
    if arguments.hydra_help or arguments.shell_completion or arguments.help:
        return _hydra(given)
    overrides = rewrite(arguments.overrides, arguments.config_dir)
    if arguments.cfg or arguments.info:
        return _hydra([*flags, *overrides])
    config = compose(overrides, arguments.config_dir)
    from study.search.driver import run_study

    return run_study(config, given, _report)


def _hydra(argv: list[str]) -> int:
    """Hydra's own application, for everything that only shows: --help, --cfg, --info, completion."""
    import hydra

    sys.argv = ["lora-study", *argv]
    hydra.main(version_base=None, config_path=f"pkg://{CONFIG_MODULE}", config_name=CONFIG_NAME)(lambda _: None)()
    return 0


def _report(config: StudyConfig) -> Path:
    from analysis.errors import ReportError
    from analysis.report import write_report

    try:
        return Path(write_report(config.study.name, Path(config.report.dir), config.tracking.uri))
    except ReportError as error:
        remedy = f"the runs are kept: mend it and write lora-report study={config.study.name}"
        raise StudyError("the report", f"could not be written ({str(error).rstrip('.')})", remedy) from error


def _register_schema() -> None:
    from hydra.core.config_store import ConfigStore
    from omegaconf import DictConfig, OmegaConf

    schema = OmegaConf.structured(StudyConfig)
    # A frozen dataclass is read-only to OmegaConf too; here YAML and overrides still have to fill it.
    for node in (schema, *schema.values()):
        if isinstance(node, DictConfig):
            OmegaConf.set_readonly(node, None)
    ConfigStore.instance().store(name="schema", node=schema)


def rewrite(overrides: list[str], config_dir: str | None = None) -> list[str]:
    """Overrides in which sweeps have joined the space and plain values have left it.

    ``method.rank=4,8`` becomes an entry of `space`; ``method.rank=8`` takes the key out of it.
    """
    parsed = [(text, _parse(text)) for text in overrides]
    plain, sweeps, fixed = [], {}, set()
    for text, override in parsed:
        key = override.key_or_group
        if override.is_sweep_override() and not key.startswith("hydra"):
            _refuse_group_sweep(key, text)
            sweeps[key] = text.split("=", 1)[1]
            fixed.discard(key)
        else:
            plain.append(text)
            fixed |= {key, *SETTLED_BY_GROUP.get(key, ())}
            sweeps.pop(key, None)
    searched = _compose(plain, config_dir).space if fixed else {}
    left: dict[str, str | None] = {key: None for key in searched if key in fixed}
    entries = left | sweeps
    return [*plain, f"++space={_dict(entries)}"] if entries else plain


def _dict(entries: Mapping[str, str | None]) -> str:
    """A mapping in Hydra's override grammar: sweeps are quoted strings, null takes a key out of the space."""
    quoted = {k: "null" if v is None else "'" + v.replace("'", r"\'") + "'" for k, v in entries.items()}
    return "{" + ", ".join(f"{k}: {v}" for k, v in quoted.items()) + "}"


def _parse(text: str) -> Any:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return OverridesParser.create().parse_override(text)
    except HydraException as error:
        remedy = "write key=value, key=a,b,c or key=interval(low,high), and quote it for the shell"
        raise ConfigError(text, "is not in Hydra's override grammar", remedy) from error


def _refuse_group_sweep(key: str, text: str) -> None:
    if "." in key:
        return
    value = text.split("=", 1)[1]
    inner = {"method": "method.kind", "model": "model.name"}.get(key)
    remedy = f"write {inner}={value}" if inner else "sweep single keys such as method.rank"
    raise ConfigError(text, "sweeps a group of keys, and a space is made of single keys", remedy)


def compose(overrides: list[str], config_dir: str | None = None) -> StudyConfig:
    """The typed, validated configuration; StudyError where it cannot run."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        config: Any = OmegaConf.to_object(_compose(overrides, config_dir))
    except OmegaConfBaseException as error:
        raise _explained(error) from error
    config = replace(config, space={k: v for k, v in config.space.items() if v is not None})
    validate(config)
    for key, names in KNOWN.items():
        group, name = key.split(".")
        value = getattr(getattr(config, group), name)
        if value not in names:
            raise ConfigError(f"{key}={value}", "is not known", f"choose one of {', '.join(names)}")
    return config  # type: ignore[no-any-return]


def _compose(overrides: list[str], config_dir: str | None) -> Any:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_module
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    extra = [f"hydra.searchpath=[file://{Path(config_dir).resolve()}]"] if config_dir else []
    try:
        with warnings.catch_warnings(), initialize_config_module(CONFIG_MODULE, version_base=None):
            warnings.simplefilter("ignore")
            return hydra_compose(CONFIG_NAME, overrides=[*overrides, *extra])
    except (HydraException, OmegaConfBaseException) as error:
        raise _explained(error) from error


def _explained(error: BaseException) -> ConfigError:
    """One line for what Hydra and OmegaConf say in several."""
    causes = list(_causes(error))
    text = " ".join(str(c) for c in causes)
    missing = re.search(r"Could not (?:override|append to config)[^']*'([^']+)'", text)
    unknown = re.search(r"Key '([^']+)' (?:is )?not in", text)
    option = re.search(r"Could not find '([^']+)'", text)
    if option:
        name = option[1].rsplit("/", 1)
        return ConfigError(option[1].replace("/", "="), "is not among the options of its group", _options(*name))
    if missing or unknown:
        key = (missing or unknown)[1]  # type: ignore[index]
        if "Value" not in str(causes[-1]):
            close = difflib.get_close_matches(key, list(flatten(StudyConfig())), 1)
            return ConfigError(
                key,
                "is not a configuration key",
                f"did you mean {close[0]}" if close else "lora-study --cfg job shows the keys that there are",
            )
    lines = [line.strip() for line in str(causes[-1]).splitlines() if line.strip()]
    key_line = next((re.search(r"full_key: (\S+)", str(c)) for c in causes if "full_key" in str(c)), None)
    where = key_line[1] if key_line else lines[0]
    return ConfigError(where, lines[0].rstrip("."), "lora-study --cfg job shows each key with its default")


def _options(group: str, name: str = "") -> str:
    from importlib.resources import files

    folder = files(CONFIG_MODULE) / group
    names = sorted(f.name.removesuffix(".yaml") for f in folder.iterdir()) if folder.is_dir() else []
    return f"choose one of {', '.join(names)}" if names else "lora-study --help shows the groups"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
