"""Commands that are printed to be typed as they stand, in the folder where their study ran: they name its stores."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from study.core.quoting import quote
from study.core.secrets import mask

STORAGE = "sqlite:///lora-study.db"  # as conf/ has it
USUAL = {"storage.url": STORAGE, "tracking.uri": None}  # what a command takes where it is told none
PLAIN = re.compile(r"[\w./+:-]+")  # an address that Hydra reads as it is written


def store_arguments(stores: Mapping[str, str | None]) -> list[str]:
    """What a command says of the stores under the keys: those that are not the usual ones, without passwords."""
    named = {key: mask(place) for key, place in stores.items() if place not in (None, USUAL[key])}
    return [f"{key}={place if PLAIN.fullmatch(place) else quote(place)}" for key, place in named.items()]


def export_line(study: str, trial: int | str, storage: str | None) -> str:
    """What exports a trial's model, or the `best` one's, in every format; the study knows where its runs are."""
    words = [f"study={study}", f"trial={trial}", "format=all", *store_arguments({"storage.url": storage})]
    return shlex.join(["lora-export", *words])


def report_line(study: str, tracking: str | None, *words: str) -> str:
    """What writes the study's report anew."""
    return shlex.join(["lora-report", f"study={study}", *words, *store_arguments({"tracking.uri": tracking})])


def sync_line(study: str, storage: str | None) -> str:
    """What sends the study's record what it lacks; the study knows where its record is."""
    return shlex.join(["lora-study", "--sync", f"study.name={study}", *store_arguments({"storage.url": storage})])
