"""What a study may be called: its name is that of folders, of an experiment and of a model."""

from __future__ import annotations

import re

from study.core.errors import ConfigError

LONGEST = 200  # bytes: file systems stop at 255, and folders of a study add to its name
# What Windows opens in the place of a file, in every folder and with any ending: reports and exports go there too.
DEVICES = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[0-9¹²³])\s*(?:\..*)?", re.IGNORECASE)


def check_name(key: str, name: str) -> None:
    """Raise ConfigError where no folder and no experiment can have this name."""
    if not _is_a_folders(name):
        raise ConfigError(
            f"{key}={name!r}" if len(name) <= LONGEST else f"{key}={name[:40]!r}...",
            f"names a folder and an experiment: one to {LONGEST} bytes of printable text, not . or .., "
            "without slashes, spaces at its ends or a dot at its end, and no device of Windows such as con or nul",
            f"write for example {key}=mine",
        )


def _is_a_folders(name: str) -> bool:
    whole = bool(name) and name == name.strip() and not name.endswith(".") and name.isprintable()
    return whole and not set(name) & set("/\\") and len(name.encode()) <= LONGEST and not DEVICES.fullmatch(name)
