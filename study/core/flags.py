"""Hydra's flags as the suite's commands take them: those that show something; others are refused in a line."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from typing import Any, NoReturn

from study.core import secrets, status_line
from study.core.errors import ConfigError, first_line

# What would put another program's configuration, or a pickle with whatever that runs, in the place of the command's.
REFUSED = ("config_path", "config_name", "experimental_rerun")
FULL = "HYDRA_FULL_ERROR"  # by which Hydra raises what it would print in several lines


def read_flags(program: str, arguments: list[str]) -> argparse.Namespace:
    """Hydra's reading of a command's arguments.

    Raises ConfigError for a flag that there is not, that lacks its value, or that names another configuration.
    """
    from hydra._internal.utils import get_args_parser

    parser: Any = get_args_parser()
    remedy = f"{program} --hydra-help shows those that there are"

    def refuse(message: str) -> NoReturn:
        raise ConfigError(shlex.join(arguments), f"cannot be read as flags ({message})", remedy)

    parser.error = refuse
    parsed, unknown = parser.parse_known_args(arguments)
    if unknown:
        raise ConfigError(" ".join(unknown), "is no flag", remedy)
    for name in REFUSED:
        if getattr(parsed, name, None) is not None:
            flag = f"--{name.replace('_', '-')}"
            rule = f"is not taken: {program} has one configuration"
            raise ConfigError(f"{flag}={getattr(parsed, name)}", rule, "write key=value for what shall differ from it")
    return parsed  # type: ignore[no-any-return]


def show_with_hydra(program: str, config_path: str, config_name: str, arguments: list[str]) -> None:
    """Let Hydra's own application answer what only shows: --help, --cfg, --info, completion.

    Raises ConfigError where it cannot be composed, or where flags exclude each other.
    """
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    status_line.end()
    sys.argv, before = [program, *arguments], os.environ.get(FULL)
    os.environ[FULL] = "1"
    try:
        with secrets.masking_output():
            hydra.main(version_base=None, config_path=config_path, config_name=config_name)(lambda _: None)()
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise ConfigError(shlex.join(arguments), first_line(error), f"{program} --help shows the keys") from error
    finally:
        os.environ.pop(FULL) if before is None else os.environ.update({FULL: before})
