"""What was typed for a key whose value is text, as a string of Hydra's override grammar that means just that; and text
as Python takes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from os.path import expanduser
from typing import Any

from study.core.errors import ConfigError

PATHS = ("task.path", "task.test_path", "model.name", "report.dir", "out")  # the shell leaves their ~ alone


def as_text(argument: str, keys: Collection[str], optional: Collection[str] = ()) -> str:
    """The argument with its value quoted, if its key is among the `keys`.

    What is in Hydra's quotes already, nothing at all, and null for an `optional` key stay as they are. Raises
    ConfigError for bytes that are no UTF-8, which no store, record or report could hold.
    """
    _check_encoding(argument)
    start, equals, value = argument.partition("=")
    key = start.strip().lstrip("+")
    if not equals or key not in keys:
        return argument
    if not value or (value == "null" and key in optional) or _is_quoted(f"{key}={value}", value):
        return f"{key}={value}"
    return f"{key}={quote(_expand_home(value) if key in PATHS else value)}"


def quote(text: str) -> str:
    """The text as Hydra's quoted string: quotes, the backslashes before them, and interpolations are literal."""
    return in_quotes(re.sub(r"(\\*)\$\{", r"\1\1\\${", text))


def in_quotes(text: str) -> str:
    """The text as Hydra's quoted string, in which interpolations are still to be resolved."""
    return "'" + re.sub(r"(\\*)('|$(?!\n))", _escape, text) + "'"


def python_text(text: str) -> str:
    """The text as a literal of Python, on one line and in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def parse_override(argument: str) -> Any:
    """Hydra's reading of the argument, None where it has none."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return OverridesParser.create().parse_override(argument)
    except HydraException:
        return None


def _escape(match: re.Match[str]) -> str:
    return match[1] * 2 + (r"\'" if match[2] else "")


def _expand_home(value: str) -> str:
    return expanduser(value) if value == "~" or value.startswith("~/") else value


def _is_quoted(argument: str, value: str) -> bool:
    from hydra.core.override_parser.types import QuotedString

    if len(value) < 2 or value[0] not in "'\"" or value[-1] != value[0]:
        return False
    override = parse_override(argument)
    return override is not None and isinstance(override._value, QuotedString)


def _check_encoding(argument: str) -> None:
    try:
        argument.encode()
    except UnicodeEncodeError as error:
        rule, remedy = "is not in UTF-8", "rename the file or column, or set the terminal's encoding to UTF-8"
        raise ConfigError(ascii(argument), rule, remedy) from error
