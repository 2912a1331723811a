"""How long, and until when, as people write it."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta

UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
SPAN = re.compile("".join(rf"(?:(\d+(?:\.\d+)?){unit})?" for unit in UNITS))
CLOCK = re.compile(r"(\d\d?):(\d\d)(?::(\d\d))?")


def seconds_of(value: object) -> float | None:
    """The seconds of a number of them, or of text such as ``90``, ``10m`` or ``1h30m``; None where it is neither."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        seconds = float(value)
    except ValueError:
        parts = SPAN.fullmatch(str(value).strip())
        if parts is None or not any(parts.groups()):
            return None
        seconds = sum(float(n) * unit for n, unit in zip(parts.groups(), UNITS.values(), strict=True) if n)
    return seconds if math.isfinite(seconds) and seconds > 0 else None


def moment_of(text: str, now: datetime) -> datetime | None:
    """The next time that a clock shows such as ``17:30``, or a date with one such as ``2030-01-31 17:30``, of local
    time; None where the text is neither."""
    parts = CLOCK.fullmatch(text.strip())
    try:
        if parts is None:
            named = datetime.fromisoformat(text.strip())
            return named if named.tzinfo is None else named.astimezone().replace(tzinfo=None)
        hour, minute, second = (int(part or 0) for part in parts.groups())
        today = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
    except ValueError:
        return None
    return today if today > now else today + timedelta(days=1)


def is_time(text: str) -> bool:
    """Whether the text says how long, or until when."""
    return seconds_of(text) is not None or moment_of(text, datetime.now()) is not None
