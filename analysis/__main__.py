"""The command `lora-report`: a Hydra application that writes the report of a study, or of several."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, NoReturn

from study.core import command, status_line
from study.core.errors import ConfigError, first_line
from study.core.flags import read_flags, show_with_hydra
from study.core.garbage import pause_collection
from study.core.quoting import as_text

if TYPE_CHECKING:
    from omegaconf import DictConfig

USAGE = "write lora-report study=NAME [out=reports] [figures=svg,png,pdf] [tables=csv,latex] [tracking.uri=URI]"
TEXTS, OPTIONAL = ("study", "out", "figures", "tables", "tracking.uri"), ("figures", "tables", "tracking.uri")


def main() -> NoReturn:
    """Run the command and exit; status 2 and one line where the user can mend it."""
    command.run("lora-report", lambda: _run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    given = [as_text(argument, TEXTS, OPTIONAL) for argument in arguments]
    if any(argument.startswith("-") for argument in given):
        return _hydra(given)
    _refuse_words(arguments)
    config = _compose(given, arguments)
    from analysis.painter import beside

    with beside() as drawing:  # a second core imports matplotlib while this one imports MLflow
        with pause_collection():
            import mlflow  # noqa: F401 -- which takes a second, of which a fifth would be the search for garbage

            from analysis.options import Options
            from analysis.several import read_studies, terminal_answer, write_studies

        options = Options(_kinds(config.figures), _kinds(config.tables), config.tolerance, config.confidence, drawing)
        studies = read_studies(config.study, config.tracking.uri, options)
        index = write_studies(studies, config.out, config.tracking.uri, options)
    status_line.end()
    if sys.stdout.isatty():  # a program reads the path alone
        from rich.console import Console

        Console().print(terminal_answer(studies), markup=False, highlight=False)
    print(index)
    return 0


def _kinds(text: str | None) -> list[str]:
    """The kinds of files between commas."""
    return [kind.strip() for kind in (text or "").split(",") if kind.strip()]


def _refuse_words(given: list[str]) -> None:
    """Raise ConfigError at an argument without a key: a space has cut it from the one before it."""
    place = next((i for i, argument in enumerate(given) if "=" not in argument), None)
    if place is None:
        return
    end = next((i for i in range(place, len(given)) if "=" in given[i]), len(given))
    whole = shlex.quote(" ".join(given[max(0, place - 1) : end]))
    remedy = f"a value with spaces is quoted for the shell: {whole}" if place else USAGE
    raise ConfigError(given[place], "has no key", remedy)


def _hydra(arguments: list[str]) -> int:
    """Hydra's own application, for everything that only shows: --help, --cfg, --info; ConfigError at other flags."""
    read_flags("lora-report", arguments)
    show_with_hydra("lora-report", "pkg://analysis.conf", "report", arguments)
    return 0


def _compose(overrides: list[str], typed: list[str]) -> DictConfig:
    """What the arguments come to, each named as it was typed where it cannot be followed."""
    from hydra import compose, initialize_config_module
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        with initialize_config_module("analysis.conf", version_base=None):
            config = compose("report", overrides)
            missing = sorted(OmegaConf.missing_keys(config))
    except (HydraException, OmegaConfBaseException) as error:
        first = first_line(error)
        others = [argument for argument in typed if argument.partition("=")[0].lstrip("+") not in TEXTS]
        raise ConfigError(shlex.join(others or typed), first, USAGE) from error
    if missing:
        raise ConfigError(", ".join(missing), "must be given", USAGE)
    return config


if __name__ == "__main__":
    main()
