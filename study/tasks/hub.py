"""A data set of the Hugging Face Hub by name, or a folder of one, by way of the package datasets."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from study.config.schema import TaskConfig
from study.core.errors import AssetError, ConfigError, DataError, StudyError, first_line
from study.data.examples import Examples
from study.data.tabular import build
from study.data.tabular.table import Table
from study.tasks.base import Task

HIDDEN = -1  # what the Hub's data sets say for a label that nobody is to see, or on which nobody agreed
SAVED = ("dataset_dict.json", "state.json")  # of which save_to_disk leaves one


class Hub(Task):
    """Rows of `task.split` (train), and of `task.test_split`, where it is given, as the test set.

    Where nothing else is said, the label is the one column of class labels, and the text is the one column of
    strings, or both where there are two. Rows whose label is hidden are left out and counted.
    """

    name = "hub"

    def reads(self, config: TaskConfig) -> tuple[str, ...]:
        of_kind = build.READS[build.kind_of(config)]
        return ("path", "config", "split", "test_split", "kind", "text", *of_kind, "group", "id")

    def read(self, config: TaskConfig) -> Examples:
        if not config.path:
            raise ConfigError("task.path", "is not given", "write task.path=glue task.config=sst2, or another data set")
        splits = [split for split in (config.split or "train", config.test_split) if split]
        if len(splits) != len(set(splits)):
            rule = "is also the split that is learned from, which leaves nothing untouched to test on"
            raise ConfigError(f"task.test_split={config.test_split}", rule, "name another split, or leave it out")
        loaded = {split: _load(config, split) for split in splits}
        features = loaded[splits[0]].features
        config = _guess_columns(config, features)
        build.require_columns(config)
        names = getattr(features.get(config.label), "names", None)
        if names is not None and config.label_type not in (None, "auto"):
            rule = f"is not read, since the data set names the classes of its column {config.label}"
            raise ConfigError(f"task.label_type={config.label_type}", rule, "leave it out")
        wanted = build.wanted_columns(config)
        tables = [_table(config, split, rows, wanted) for split, rows in loaded.items()]
        if names is None:
            return build.build(config, tables)
        seen, notes = zip(*(_drop_hidden(config, table) for table in tables), strict=True)
        examples = build.build(config, seen, names)
        return replace(examples, notes={**examples.notes, **{k: v for note in notes for k, v in note.items()}})


def _load(config: TaskConfig, split: str) -> Any:
    """One split as the package datasets has it; AssetError without that package, or where there is no such split."""
    try:
        import datasets
    except ImportError as error:
        remedy = "install it: pip install 'lora-study[hub]'"
        raise AssetError("task=hub", "needs the package datasets, which is not installed", remedy) from error
    path = str(config.path)
    datasets.utils.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    try:
        if any((Path(path) / name).is_file() for name in SAVED):
            return _split_of_saved(config, datasets.load_from_disk(path), split)
        cache = _cache(Path(path), datasets.config.HF_DATASETS_CACHE)
        return datasets.load_dataset(path, config.config, split=split, cache_dir=cache)
    except StudyError:
        raise
    except Exception as error:  # each source of data has errors of its own
        first = first_line(error)
        _refuse_split(config, split, _splits(config), error)
        remedy = "write a folder, or a name that the Hub (while online) or its cache has"
        raise AssetError(_data_set(config), f"has no split {split} that can be loaded ({first})", remedy) from error


def _data_set(config: TaskConfig) -> str:
    return f"task.path={config.path}" + (f" task.config={config.config}" if config.config else "")


def _split_of_saved(config: TaskConfig, saved: Any, split: str) -> Any:
    """The split of what save_to_disk wrote: of several splits, or of one, which may have no name."""
    known = list(saved) if isinstance(saved, dict) else [str(saved.split or "train")]
    _refuse_split(config, split, known)
    return saved[split] if isinstance(saved, dict) else saved


def _splits(config: TaskConfig) -> list[str]:
    """The splits that the data set has, empty where that cannot be known."""
    import datasets

    try:
        return list(datasets.get_dataset_split_names(str(config.path), config.config))
    except (OSError, ValueError, RuntimeError, LookupError):  # of a data set that there is not, as its loading said
        return []


def _refuse_split(config: TaskConfig, split: str, known: list[str], error: Exception | None = None) -> None:
    """Raise AssetError with the splits that there are, where this is none of them, nor a part of one."""
    wanted = [part.strip().partition("[")[0] for part in split.split("+")]
    if known and not set(wanted) <= {*known, "all"}:
        key = "test_split" if split == config.test_split else "split"
        remedy = f"choose one of {', '.join(known)} in task.{key}"
        raise AssetError(_data_set(config), f"has no split {split}", remedy) from error


def _cache(source: Path, usual: Path) -> str | None:
    """Where datasets prepares the files of a folder: one place a content, None for what is no folder.

    By itself it tells files by their times of change, and answers with the old rows for a file that was put in the
    place of another with the same time.
    """
    if not source.is_dir():
        return None
    digest = hashlib.sha256()
    files = [path for path in source.rglob("*") if path.is_file()]
    for path in sorted(p for p in files if not any(n.startswith(".") for n in p.relative_to(source).parts[:-1])):
        digest.update(f"{path.relative_to(source)}\0".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return str(Path(usual) / "by-content" / digest.hexdigest()[:16])


def _guess_columns(config: TaskConfig, features: Any) -> TaskConfig:
    """The configuration with `label` and `text` filled in, where the columns' types leave no doubt which they are."""
    strings = [name for name, kind in features.items() if getattr(kind, "dtype", "") in ("string", "large_string")]
    labels = [name for name, kind in features.items() if hasattr(kind, "names")]
    if config.label is None and len(labels) == 1 and build.kind_of(config) == "classification":
        config = replace(config, label=labels[0])
    free = [name for name in strings if name not in (config.label, config.target, config.group, config.id)]
    if config.text is None and 1 <= len(free) <= 2:
        config = replace(config, text=build.JOINED.join(free))
    return config


def _table(config: TaskConfig, split: str, rows: Any, wanted: set[str]) -> Table:
    source = f"split {split} of task.path={config.path}"
    if not len(rows):
        raise DataError(source, "holds no row", "name another split")
    columns: dict[str, list[Any]] = {name: list(rows[name]) if name in wanted else [] for name in rows.column_names}
    return Table(source, columns, range(len(rows)), "row")


def _drop_hidden(config: TaskConfig, table: Table) -> tuple[Table, dict[str, str]]:
    """The rows whose label is not hidden, and a note on the others."""
    labels = table.column("label", str(config.label))
    kept = [i for i, label in enumerate(labels) if label != HIDDEN]
    if not kept:
        raise DataError(table.source, "hides its labels", "name another split, such as validation")
    hidden = len(labels) - len(kept)
    return table.take(kept), {f"hidden labels in {table.source}": f"{hidden} dropped"} if hidden else {}


TASK = Hub()
