"""What a model brings beside its configuration: its tokenizer and its weights, in a folder or on the Hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from study.core.errors import AssetError

ADAPTER = "adapter_config.json"  # of a folder that holds PEFT's adapter: its weights are the base model's


@contextmanager
def quiet() -> Iterator[None]:
    """While open, transformers says nothing but errors: what a person should hear, the suite says."""
    from transformers import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def tokenizer(name: str, source: str) -> Any:
    """The model's own tokenizer from where transformers finds it; AssetError where there is none.

    transformers makes an empty one, to which every text is the same, of a folder that holds no file of a tokenizer.
    """
    from transformers import AutoTokenizer

    try:
        made = AutoTokenizer.from_pretrained(source)
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(":. ")
        raise _without_tokenizer(name, f"has no tokenizer that transformers can read ({first})") from error
    if len(made.get_vocab().keys() - {*made.all_special_tokens, *made.added_tokens_encoder}) < 2:
        raise _without_tokenizer(name, "has no tokenizer: none of its files holds any words")
    return made


def _without_tokenizer(name: str, rule: str) -> AssetError:
    remedy = "save the tokenizer that belongs to the model beside it (tokenizer.save_pretrained)"
    return AssetError(f"model.name={name}", rule, remedy)


def require_weights(name: str, source: str) -> None:
    """Raise AssetError where the model's weights are known not to be there; nothing is read or fetched."""
    from huggingface_hub import constants

    folder = Path(source)
    if folder.is_dir() and not (folder / ADAPTER).is_file():
        missing = _missing(folder)
        if missing:
            remedy = "save the model into it (model.save_pretrained), or write model.random_weights=true"
            raise AssetError(f"model.name={name}", f"is a folder without the model's weights ({missing})", remedy)
    elif not folder.is_dir() and constants.HF_HUB_OFFLINE and not _cached(source):
        rule = "has no weights in the Hub's cache, and the Hub cannot be reached"
        raise AssetError(f"model.name={name}", rule, "repeat the command once while online, or write a local path")


def _missing(folder: Path) -> str:
    """Which file of weights the folder lacks, in words; "" where none is lacking."""
    singles, indexes = _names()
    if any((folder / name).is_file() for name in singles):
        return ""
    index = next((folder / name for name in indexes if (folder / name).is_file()), None)
    if index is None:
        return f"neither {' nor '.join(singles)}"
    parts = dict.fromkeys(json.loads(index.read_text(encoding="utf-8")).get("weight_map", {}).values())
    lacking = [name for name in parts if not (folder / name).is_file()]
    return f"{', '.join(lacking)} of {index.name}" if lacking else ""


def _cached(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return any(isinstance(try_to_load_from_cache(name, file), str) for files in _names() for file in files)


def _names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What transformers calls a model's weights: in one file, and the index of several."""
    from transformers import utils

    return (utils.SAFE_WEIGHTS_NAME, utils.WEIGHTS_NAME), (utils.SAFE_WEIGHTS_INDEX_NAME, utils.WEIGHTS_INDEX_NAME)
