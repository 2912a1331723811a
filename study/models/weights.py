"""Weights in files that hold a pickle: tensors alone are read of them, and what would run code is refused at once."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from zipfile import is_zipfile

from study.core.errors import AssetError, first_line

SAID = re.compile(r"WeightsUnpickler error: (.+?)(?:\. |$)", re.MULTILINE)  # by torch, of what it would not open
DAMAGES = (EOFError, RuntimeError, ValueError, KeyError, TypeError)  # which torch raises of a file that is none


def shards(index: Path) -> list[str]:
    """The files that an index of weights names; AssetError where it cannot be read."""
    try:
        named = json.loads(index.read_text(encoding="utf-8")).get("weight_map", {})
        return list(dict.fromkeys(map(str, named.values())))
    except (OSError, ValueError, AttributeError) as error:
        rule = f"is no index of a model's weights ({first_line(error)})"
        raise AssetError(str(index), rule, "save the model again (model.save_pretrained)") from error


def refuse_code(name: str, folder: Path) -> None:
    """Raise AssetError where transformers would read the folder's weights from a pickle that holds more than tensors.

    Nothing of it is run, and of the tensors nothing is read but what they look like.
    """
    import torch

    for file in _pickles(folder):
        try:
            with sound_weights(name, file.name), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch remarks on pickles that it then refuses
                # Only files that torch packs as zip archives can be mapped; others are older than that.
                torch.load(file, map_location="meta", weights_only=True, mmap=is_zipfile(file))
        except DAMAGES as error:
            raise _unsound(name, file.name, first_line(error).split(". ")[0]) from error


@contextmanager
def sound_weights(name: str, file: str = "") -> Iterator[None]:
    """While open, weights that are no tensors alone, or that are damaged, become one AssetError."""
    from safetensors import SafetensorError

    try:
        yield
    except (UnpicklingError, SafetensorError) as error:
        said = SAID.search(str(error))
        raise _unsound(name, file, said[1] if said else first_line(error)) from error


def _unsound(name: str, file: str, said: str) -> AssetError:
    place = f"in {file} " if file else ""
    rule = f"has weights {place}that are damaged, or that hold more than tensors, of which nothing is run ({said})"
    return AssetError(f"model.name={name}", rule, "write the name of a model whose weights are safetensors")


def _pickles(folder: Path) -> list[Path]:
    """The files of weights of the folder that are pickles, where transformers finds no others."""
    from transformers import utils

    if any((folder / name).is_file() for name in (utils.SAFE_WEIGHTS_NAME, utils.SAFE_WEIGHTS_INDEX_NAME)):
        return []
    if (folder / utils.WEIGHTS_NAME).is_file():
        return [folder / utils.WEIGHTS_NAME]
    index = folder / utils.WEIGHTS_INDEX_NAME
    return [folder / name for name in shards(index)] if index.is_file() else []
