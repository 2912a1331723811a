"""Where the suite keeps what it can fetch or compute again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Where fetched assets live: LORA_STUDY_CACHE, or the user's cache folder."""
    if named := os.environ.get("LORA_STUDY_CACHE"):
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("lora-study")
