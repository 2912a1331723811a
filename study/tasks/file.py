"""A table of one's own: CSV, TSV, JSON Lines or Parquet, with a text and a label or a summary in each row."""

from __future__ import annotations

from study.config.schema import TaskConfig
from study.core.errors import ConfigError
from study.data.examples import Examples
from study.data.tabular import build, files
from study.tasks.base import Task


class File(Task):
    """Rows of `task.path`, and of `task.test_path`, where it is given, as the test set.

    What a row lacks is said with its line; rows without a text are left out and counted.
    """

    name = "file"

    def reads(self, config: TaskConfig) -> tuple[str, ...]:
        of_kind = build.READS[build.kind_of(config)]
        return ("path", "kind", "text", *of_kind, "group", "id", "test_path", "encoding", "delimiter")

    def read(self, config: TaskConfig) -> Examples:
        if not config.path:
            raise ConfigError("task.path", "is not given", "write task.path=reviews.csv, or another table")
        build.require_columns(config)
        paths = {"path": config.path, "test_path": config.test_path}
        wanted = build.wanted_columns(config)
        tables = [files.read(k, p, wanted, config.encoding, config.delimiter) for k, p in paths.items() if p]
        return build.build(config, tables)


TASK = File()
