"""What would make an export fail, and can be known before anything is trained or written."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

from study.config.schema import ModelConfig
from study.core import stores
from study.core.errors import ConfigError, StudyError, first_line
from study.data.examples import Examples
from study.export.formats.base import Format
from study.export.job import kinds, retrain
from study.export.runtime.frame import CLASSIFY
from study.export.runtime.manifest import FILE

SQLITE = "sqlite:///"


def check_kind(examples: Examples, task: str, data: str, registers: bool) -> str:
    """The model's use: classify, write or choose; ConfigError where that cannot be exported in the way asked for."""
    task = f"task.name={task}"
    if not kinds.is_exported(examples):
        rule = f"learns from a {type(examples).__name__}, and exports are models that read texts"
        raise ConfigError(task, rule, "export a study of another task")
    exported = kinds.of(examples)
    if exported.use != CLASSIFY and data == retrain.ENSEMBLE:
        raise ConfigError(f"ensemble=true with {task}", "averages what classifiers say", "leave ensemble=true away")
    if registers and exported.unregistered:
        raise ConfigError(f"register=true with {task}", exported.unregistered, "leave register=true away")
    return exported.use


def check_tokenizer(model: ModelConfig) -> None:
    """Raise StudyError where the model's tokenizer has no file that the tokenizers package reads."""
    from study.models import hub

    if not hub.tokenizer(model).is_fast:
        rule = "has a tokenizer that is written in Python, which exports cannot bring along"
        raise StudyError(f"model.name={model.name}", rule, "use a model with a fast tokenizer")


def check_packages(made: Format) -> None:
    """Raise StudyError where a package of the format is not installed or cannot be imported."""
    made.require()
    for name in made.packages:
        try:
            importlib.import_module(name)
        except Exception as error:  # a package that fits no other version at hand may raise anything
            first = first_line(error)
            rule = f"needs {name}, which is installed and cannot be imported ({type(error).__name__}: {first})"
            remedy = f"pip install --force-reinstall 'lora-study[{made.extra}]'"
            raise StudyError(f"format={made.name}", rule, remedy) from error


def check_folder(folder: Path) -> None:
    """Raise ConfigError where the export cannot be written, or would replace what is no export."""
    for path in (folder, folder.parent):  # an export is made beside the one that it replaces
        stores.check_folder("out", str(path))
    if folder.is_symlink():
        rule = "is a link, and an export takes a folder's place"
        raise ConfigError(f"out={folder}", rule, "name another folder with out=..., or delete the link")
    if folder.exists() and not (folder / FILE).is_file():
        raise ConfigError(f"out={folder}", "is there already and is no export", "name another folder with out=...")


def check_writable(key: str, url: str) -> None:
    """Raise ConfigError where the store is a file without write permission: an export's figures are kept in it."""
    path = Path(url.removeprefix(SQLITE).partition("?")[0])
    if url.startswith(SQLITE) and path.is_file() and not os.access(path, os.W_OK):
        rule = "is read-only, and an export's figures are kept in it"
        raise ConfigError(f"{key}={url}", rule, "make the file writable, or export from a copy of it")
