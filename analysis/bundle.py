"""What a page carries of scripts: plotly.js, and the page's own; and how data is put beside them."""

from __future__ import annotations

import base64
import gzip
import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).parent / "assets"
PLOTLY = ASSETS / "plotly" / "plotly-cartesian.min.js"
SCRIPTS = ("theme", "plots", "explorer", "tables", "start")  # in this order: each uses those before it


@lru_cache(maxsize=1)
def packed_plotly() -> str:
    """plotly.js compressed with gzip, in base64: a third of its size, and no text of it is the page's."""
    return base64.b64encode(gzip.compress(PLOTLY.read_bytes(), 9, mtime=0)).decode("ascii")


def page_scripts() -> str:
    """The page's own scripts, one after another."""
    return "\n".join((ASSETS / "scripts" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)


def as_json(data: Any) -> str:
    """The data as JSON that can stand in a <script>: no name in it ends the element or opens another.

    JSON has no NaN and no infinity: a number that is neither is there as it is, a missing one is null.
    """
    text = json.dumps(_without_nan(data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _without_nan(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_nan(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_without_nan(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data
