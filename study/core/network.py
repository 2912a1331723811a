"""Whether the Hugging Face Hub can be reached, found out once instead of by every library for half a minute."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

SWITCH = "HF_HUB_OFFLINE"  # the Hub's libraries then use what their cache has, and try nothing else
PATIENCE = 5.0  # seconds for the Hub to answer


def use_cache_if_offline(names: Iterable[str]) -> None:
    """Let the Hub's libraries use their cache alone, here and in processes to come, where the Hub cannot be reached.

    It is only asked where one of the `names` of models and data sets is no folder. Behind a proxy, or where the
    user has decided it, nothing is changed.
    """
    if SWITCH in os.environ or "https" in getproxies() or all(Path(name).is_dir() for name in names):
        return
    from huggingface_hub import constants

    try:
        host = urlsplit(constants.ENDPOINT)
        socket.create_connection((host.hostname or "", host.port or 443), timeout=PATIENCE).close()
    except OSError:
        os.environ[SWITCH] = "1"
        # Read from the environment when imported, which may have been before.
        for module in (constants, sys.modules.get("datasets.config")):
            if module is not None:
                setattr(module, SWITCH, True)
