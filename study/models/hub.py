"""A pretrained model from the Hub, a folder or a package: its configuration, its tokenizer and its weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from study.config.schema import ModelConfig
from study.core.errors import AssetError, first_line
from study.data import packages
from study.models import weights
from study.models.embedded import ENCODERS
from study.models.foreign import foreign_code
from study.models.weights import sound_weights

ADAPTER = "adapter_config.json"  # what makes a folder a PEFT adapter to transformers: its weights are the base model's


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


def source(name: str) -> str:
    """Where transformers finds the model: the folder of an embedded one, else the name itself."""
    return str(packages.fetch(name) / "model") if name in ENCODERS else name


def configuration(model: ModelConfig) -> Any:
    """The model's own configuration, from transformers; AssetError where there is none."""
    from transformers import AutoConfig

    _refuse_adapter(model.name)
    try:
        with foreign_code(model):
            return AutoConfig.from_pretrained(source(model.name), trust_remote_code=model.trust_remote_code)
    except (OSError, ValueError) as error:
        raise AssetError(
            f"model.name={model.name}",
            "is neither an embedded model, a folder with a config.json nor a model that the Hub or its cache has",
            f"write one of {', '.join(ENCODERS)}, a local path, or a Hub name while online ({type(error).__name__})",
        ) from error


def _refuse_adapter(name: str) -> None:
    """Raise AssetError for a folder of PEFT: transformers would load it over a base of which nothing is known here."""
    file = Path(name) / ADAPTER
    if not is_folder(name) or not file.is_file():
        return
    try:
        base = json.loads(file.read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError):
        base = "another model"
    remedy = "merge it first (PEFT: merge_and_unload and save_pretrained) and name the folder of the merged model"
    raise AssetError(f"model.name={name}", f"is a PEFT adapter over {base}, and a study takes a whole model", remedy)


def load_model(model: ModelConfig, kind: Any) -> Any:
    """The whole model in float32, by one of transformers' automatic classes, `kind`.

    Its weights are those that were published or, where `model.random_weights` says so, random.
    """
    import torch

    if model.random_weights:
        torch.manual_seed(0)
        return from_configuration(model, kind)
    configuration(model)  # says what is wrong with its folder
    with foreign_code(model), sound_weights(model.name):
        return kind.from_pretrained(source(model.name), dtype=torch.float32, trust_remote_code=model.trust_remote_code)


def from_configuration(model: ModelConfig, kind: Any) -> Any:
    """The model by one of transformers' automatic classes, `kind`, without the weights that were published."""
    config = configuration(model)
    with foreign_code(model):
        return kind.from_config(config, trust_remote_code=model.trust_remote_code)


def tokenizer(model: ModelConfig) -> Any:
    """The model's own tokenizer from where transformers finds it; AssetError where there is none.

    transformers makes an empty one, to which every text is the same, of a folder that holds no file of a tokenizer.
    """
    from transformers import AutoTokenizer

    try:
        with foreign_code(model):
            made = AutoTokenizer.from_pretrained(source(model.name), trust_remote_code=model.trust_remote_code)
    except AssetError:
        raise
    except Exception as error:
        first = first_line(error).rstrip(":. ")
        raise _without_tokenizer(model.name, f"has no tokenizer that transformers can read ({first})") from error
    if len(made.get_vocab().keys() - {*made.all_special_tokens, *made.added_tokens_encoder}) < 2:
        raise _without_tokenizer(model.name, "has no tokenizer: none of its files holds any words")
    return made


def _without_tokenizer(name: str, rule: str) -> AssetError:
    """The error for a model without a tokenizer that can be used."""
    remedy = "save the tokenizer that belongs to the model beside it (tokenizer.save_pretrained)"
    return AssetError(f"model.name={name}", rule, remedy)


def require_weights(model: ModelConfig) -> None:
    """Raise AssetError where the weights that the model asks for are known not to be there, or to hold more than
    tensors; nothing is fetched."""
    from huggingface_hub import constants

    if model.random_weights:
        return
    name, folder = model.name, Path(source(model.name))
    if folder.is_dir() and not (folder / ADAPTER).is_file():
        missing = _missing_file(folder)
        if missing:
            remedy = "save the model into it (model.save_pretrained), or write model.random_weights=true"
            raise AssetError(f"model.name={name}", f"is a folder without the model's weights ({missing})", remedy)
        weights.refuse_code(name, folder)
    elif not folder.is_dir() and constants.HF_HUB_OFFLINE and not _is_cached(name):
        rule = "has no weights in the Hub's cache, and the Hub cannot be reached"
        raise AssetError(f"model.name={name}", rule, "repeat the command once while online, or write a local path")


def _missing_file(folder: Path) -> str:
    """Which file of weights the folder lacks, in words; "" where none is lacking."""
    singles, indexes = _names()
    if any((folder / name).is_file() for name in singles):
        return ""
    index = next((folder / name for name in indexes if (folder / name).is_file()), None)
    if index is None:
        return f"neither {' nor '.join(singles)}"
    parts = weights.shards(index)
    lacking = [name for name in parts if not (folder / name).is_file()]
    return f"{', '.join(lacking)} of {index.name}" if lacking else ""


def _is_cached(name: str) -> bool:
    """Whether the Hub's cache holds a file of the model's weights."""
    from huggingface_hub import try_to_load_from_cache

    return any(isinstance(try_to_load_from_cache(name, file), str) for files in _names() for file in files)


def _names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The file names of a model's weights in transformers: of single files, and of indexes of several."""
    from transformers import utils

    return (utils.SAFE_WEIGHTS_NAME, utils.WEIGHTS_NAME), (utils.SAFE_WEIGHTS_INDEX_NAME, utils.WEIGHTS_INDEX_NAME)


def absolute_name(name: str) -> str:
    """The name in a form that means the same from any folder: a folder of the user's own by its absolute path."""
    return str(Path(name).absolute()) if is_folder(name) else name


def is_folder(name: str) -> bool:
    """Whether the name is a folder of the user's own, whose files may change under it."""
    return name not in ENCODERS and Path(name).is_dir()
