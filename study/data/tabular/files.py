"""Files to tables: CSV, TSV, JSON Lines and Parquet, in whatever encoding they say they are."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import json
import re
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from study.core.errors import DataError, first_line
from study.core.formatting import plural
from study.data.tabular.table import Table

# Marks at the beginning of a file; that of UTF-32 begins like that of UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
DELIMITERS = (",", ";", "\t", "|")
ENDS = re.compile(r"\r\n|\r|\n")  # of lines: those of Unix, of Windows, and of Excel for Macintosh
SEP = re.compile(r'"?sep=([^\r\n])"?[ ]*(?=[\r\n]|$)', re.IGNORECASE)  # the first line by which Excel names a delimiter
DELIMITER_NAMES = {"\\t": "\t", "tab": "\t"}

UNCLOSED = 'close every quotation mark, and write one inside quotation marks twice: ""'
SLASHED = 'write a quotation mark inside quotation marks twice, as "", not with a backslash before it'

Rows = list[tuple[int, list[str]]]  # the line on which each row begins, and its cells


def read(key: str, path: str, wanted: Collection[str], encoding: str | None, delimiter: str | None) -> Table:
    """The table in the file that the configuration key `task.key` names.

    `wanted` columns are enough; others may be left out. Raises DataError where the file is missing, empty, of an
    unknown kind, in another encoding or broken; what is wrong with a row is said with its line.
    """
    source, file = f"task.{key}={path}", Path(path)
    reader = READERS.get(file.suffix.lower())
    if not file.is_file():
        rule = "is a folder" if file.is_dir() else "is no file"
        raise DataError(source, rule, f"name a file: {', '.join(READERS)}")
    if reader is None:
        rule = f"ends in {file.suffix or 'nothing'}, which says no kind of table"
        raise DataError(source, rule, f"name a file of one of these: {', '.join(READERS)}")
    try:
        with _long_cells():
            table = reader(source, file, wanted, encoding, delimiter)
    except OSError as error:
        raise DataError(source, f"cannot be read ({error.strerror or error})", "name a file you may read") from error
    if not len(table):
        raise DataError(source, "holds no row", "name a file with at least a few rows")
    return table


def _text(source: str, file: Path, encoding: str | None) -> str:
    """The file's text, read in `encoding`, as its byte order mark says, or in UTF-8; DataError where it is in
    another."""
    content = file.read_bytes()
    named = encoding or next((name for mark, name in MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(named)
    except UnicodeError as error:
        before = content[: getattr(error, "start", 0)]
        line = before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n") + 1
        rule = f"is not {named.upper()} at line {line}"
        raise DataError(source, rule, "write its encoding, such as task.encoding=cp1252 or utf-16-le") from error
    except (LookupError, ValueError) as error:  # a name with a NUL is no LookupError to Python
        remedy = "write for example task.encoding=cp1252"
        raise DataError(f"task.encoding={encoding}", "is no text encoding that Python knows", remedy) from error
    _refuse_nul(source, text)
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise DataError(source, "is empty", "name a file with a header and rows")
    return text


def _refuse_nul(source: str, text: str) -> None:
    """Raise DataError for NUL characters: many mean another encoding, a single one is a fault of its line."""
    nuls = text.count("\0")
    if nuls > 1 and 4 * nuls >= len(text):
        raise DataError(source, "holds NUL characters, so it is in another encoding", "write task.encoding=utf-16-le")
    if nuls:
        place = f"{source}, line {len(ENDS.findall(text, 0, text.index(chr(0)))) + 1}"
        raise DataError(place, "holds a NUL character, which no text has", "delete the character")


def _read_delimited(
    source: str, file: Path, wanted: Collection[str], encoding: str | None, delimiter: str | None
) -> Table:
    text = _text(source, file, encoding)
    excel_line = SEP.match(text)
    if excel_line:
        text, delimiter = (
            text[excel_line.end() :],
            delimiter or excel_line[1],
        )  # its end stays, so that lines keep their numbers
    mark = DELIMITER_NAMES.get(delimiter or "", delimiter) or (
        "\t" if file.suffix.lower() == ".tsv" else _guess_delimiter(text, wanted)
    )
    if len(mark) != 1:
        raise DataError(f"task.delimiter={delimiter}", "is not one character", "write for example task.delimiter=tab")
    try:
        header, *rows = _rectangular(source, text, mark, csv.QUOTE_MINIMAL)
    except DataError:
        if mark != "\t":
            raise
        # Many programs write tabs without quoting anything, so that a quotation mark is a character like others.
        header, *rows = _rectangular(source, text, mark, csv.QUOTE_NONE)
    names = [name.strip() for name in header[1]]
    _check_names(source, names, wanted)
    _check_repeats(source, names, rows, wanted)
    cells = zip(*(row for _, row in rows), strict=True) if rows else ((),) * len(names)
    return Table(source, {n: list(c) for n, c in zip(names, cells, strict=True)}, [line for line, _ in rows])


def _check_names(source: str, names: list[str], wanted: Collection[str]) -> None:
    twice = next((name for name in wanted if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(source, f"has more than one column {twice}", "rename one of them")


def _check_repeats(source: str, names: list[str], rows: Rows, wanted: Collection[str]) -> None:
    """Raise DataError for a row that is the header again, as in files put one after the other."""
    named = [i for i, name in enumerate(names) if name in wanted]
    places = named if len(named) > 1 else range(len(names))  # a lone cell may well be the word that names its column
    for line, row in rows:
        if all(row[i].strip() == names[i] for i in places) and len(places) > 1:
            raise DataError(f"{source}, line {line}", "repeats the header", "delete the row")


def _guess_delimiter(text: str, wanted: Collection[str]) -> str:
    """The delimiter that gives the header the wanted columns, or else the most columns."""

    first = ENDS.split(text.lstrip(), maxsplit=1)[0]

    def worth(mark: str) -> tuple[int, int]:
        header = [name.strip() for name in next(csv.reader([first], delimiter=mark))]
        return len({*header} & {*wanted}), len(header)

    return max(DELIMITERS, key=worth)


def _rectangular(source: str, text: str, delimiter: str, quoting: Any) -> Rows:
    """Header and rows; DataError where one has more or fewer cells than the header."""
    rows = list(_rows(source, text, delimiter, quoting))
    if not rows:
        raise DataError(source, "holds no header", "write the names of the columns into its first line")
    width = len(rows[0][1])
    for line, row in rows[1:]:
        if len(row) != width:
            rule = f"has {plural(len(row), 'cell')} where the header has {width}"
            slashed = any(cell.endswith("\\") for cell in row)
            remedy = SLASHED if slashed else "quote cells that hold the delimiter, or write task.delimiter"
            raise DataError(f"{source}, line {line}", rule, remedy)
    return rows


def _rows(source: str, text: str, delimiter: str, quoting: Any) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, with the line on which it begins; DataError with the line of one that is broken."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True)
    begins = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield begins, row
            begins = reader.line_num + 1
    except csv.Error as error:
        broken = "".join(itertools.islice(io.StringIO(text, newline=""), begins - 1, reader.line_num))
        remedy = SLASHED if '\\"' in broken else UNCLOSED
        raise DataError(f"{source}, line {begins}", f"cannot be read as a table ({error})", remedy) from error


@contextmanager
def _long_cells() -> Iterator[None]:
    """While open, the module csv reads cells of any length; by itself it refuses more than 131,072 characters."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _read_lines(source: str, file: Path, wanted: Collection[str], encoding: str | None, _: str | None) -> Table:
    rows, numbers = [], []
    for number, line in enumerate(ENDS.split(_text(source, file, encoding)), 1):
        if line.strip():
            rows.append(_object(f"{source}, line {number}", line))
            numbers.append(number)
    names = dict.fromkeys(name for row in rows for name in row)
    return Table(source, {name: [row.get(name) for row in rows] for name in names}, numbers)


def _object(place: str, line: str) -> dict[str, Any]:
    remedy = 'write one object a line, such as {"text": "…", "label": 1}'
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(place, f"is no JSON ({error})", remedy) from error
    if not isinstance(row, dict):
        raise DataError(place, "is JSON and no object", remedy)
    if "\\u" in line:
        _refuse_halves(place, row)
    return row


def _refuse_halves(place: str, row: dict[str, Any]) -> None:
    """Raise DataError for half a surrogate pair in a name or a value: JSON lets it be written, but it is no text."""
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = f"\\u{ord(error.object[error.start]):04x}"
        rule = f"holds {half}, half a character, which cannot be written as UTF-8"
        raise DataError(place, rule, "write the other half beside it, or delete it") from error


def _read_parquet(source: str, file: Path, wanted: Collection[str], *_: str | None) -> Table:
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    try:
        opened = pq.ParquetFile(file)
        names = opened.schema_arrow.names
        _check_names(source, names, wanted)
        read = opened.read(columns=[n for n in names if n in wanted])
    except ArrowException as error:
        first = first_line(error)
        raise DataError(source, f"cannot be read as Parquet ({first})", "write the file again") from error
    unread: dict[str, list[Any]] = {name: [] for name in names}  # known by name, for who asks for a wrong one
    columns = {name: read.column(name).to_pylist() for name in read.column_names}
    return Table(source, unread | columns, range(read.num_rows), "row")


Reader = Callable[[str, Path, Collection[str], str | None, str | None], Table]
READERS: dict[str, Reader] = {
    ".csv": _read_delimited, ".tsv": _read_delimited, ".jsonl": _read_lines, ".ndjson": _read_lines,
    ".parquet": _read_parquet,
}  # fmt: skip
