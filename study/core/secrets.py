"""Passwords: what is said, recorded, kept or shown holds none, wherever an address or an argument brings one along."""

from __future__ import annotations

import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import unquote

MASK = "***"
# Arguments, and parts of an address behind its question mark, that are secrets.
NAMES = ("password", "passwd", "pwd", "sslpassword", "token", "access_token", "secret", "client_secret", "api_key",
         "apikey", "access_key", "sig", "odbc_connect")  # fmt: skip
# Whoever forgets to quote a password's @, space or slash must not be betrayed by it, so that as much as can be is taken
# for the password: to the last @ of the line, as far as no other address begins before it. A port is none.
PORT = r"\d+(?:[/?#][^\s@]*)?(?:[\s'\")\],;]|$)"
ADDRESS = re.compile(
    rf"(?<![a-z\d+.-])[a-z][a-z\d+.-]*:/{{1,2}}[^\s/:]*:"
    rf"(?!{PORT}|\*\*\*@)(?P<secret>(?:(?!\s\S*:/)[^\n])*)@",
    re.IGNORECASE,
)
ARGUMENT = re.compile(rf"(?<!\w)(?:{'|'.join(NAMES)})=(?P<secret>[^&\s'\"]*)", re.IGNORECASE)
LEAST = 3  # characters of a part of a password that is looked for in prose
ARGUMENTS_START, ARGUMENTS_END = 45, 46  # among the fields of /proc/self/stat behind the program's name


def mask(text: str) -> str:
    """The text with ``***`` in place of every password in it."""
    for pattern in (ADDRESS, ARGUMENT):
        text = pattern.sub(_replace, text)
    return text


def mask_all(value: Any) -> Any:
    """The value with every text in it masked, in lists and mappings of any depth, and what has a secret's name."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {
            key: MASK if value[key] and str(key).rpartition(".")[2].lower() in NAMES else mask_all(value[key])
            for key in value
        }
    return [mask_all(each) for each in value] if isinstance(value, (list, tuple)) else value


def mask_those_of(address: str, text: str) -> str:
    """The text without the passwords of that address, and without parts of one, as an error quotes what it misread."""
    secrets = [match["secret"] for pattern in (ADDRESS, ARGUMENT) for match in pattern.finditer(address)]
    parts = {part for secret in secrets for part in (secret, unquote(secret), *re.split("[@/?#:]", secret))}
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, MASK) if len(part) >= LEAST else text
    return mask(text)


def guard_tracebacks() -> None:
    """From now on, no password is in what the interpreter prints of an error that nobody catches, in any thread."""
    sys.excepthook = _print_error
    threading.excepthook = lambda error: _print_error(error.exc_type, error.exc_value, error.exc_traceback)


@contextmanager
def masking_output() -> Iterator[None]:
    """While open, what is printed waits; afterwards it appears without passwords."""
    streams, texts = (sys.stdout, sys.stderr), (StringIO(), StringIO())
    try:
        with redirect_stdout(texts[0]), redirect_stderr(texts[1]):
            yield
    finally:
        for stream, text in zip(streams, texts, strict=True):
            stream.write(mask(text.getvalue()))


def hide_arguments() -> None:
    """Overwrite passwords in what the system shows of this process to everybody, such as in ``ps``, where it can be.

    This process still has its arguments: the interpreter has copied them.
    """
    import ctypes

    with suppress(OSError, IndexError, ValueError):  # a system that keeps them elsewhere
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        start, end = int(fields[ARGUMENTS_START]), int(fields[ARGUMENTS_END])
        arguments = Path("/proc/self/cmdline").read_bytes()
        if start and end - start == len(arguments):
            for first, last in _places(arguments):
                ctypes.memset(start + first, ord("*"), last - first)


def _places(arguments: bytes) -> Iterator[tuple[int, int]]:
    """Where passwords begin and end among arguments of which each ends with a zero byte."""
    begin = 0
    for argument in arguments.split(b"\0"):
        text = argument.decode("latin-1")  # a letter a byte
        for pattern in (ADDRESS, ARGUMENT):
            for match in pattern.finditer(text):
                yield begin + match.start("secret"), begin + match.end("secret")
        begin += len(argument) + 1


def _replace(match: re.Match[str]) -> str:
    before, after = match.start("secret") - match.start(), match.end("secret") - match.start()
    return f"{match[0][:before]}{MASK}{match[0][after:]}"


def _print_error(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if kind is not SystemExit and sys.stderr is not None:
        sys.stderr.write(mask("".join(traceback.format_exception(kind, error, trace))))
