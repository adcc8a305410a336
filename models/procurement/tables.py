"""Workers from tables: CSV, Parquet and data frames become columns, and no column, label or gap is passed over in silence."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import labels_of
from ..files import read_text
from ..input_error import InputError
from ..names import none_if_missing, read_name, refuse_unknown
from ..text_columns import TextColumn, split_lines

__all__ = [
    "REQUESTER_COLUMNS",
    "WORKER_COLUMNS",
    "arrow_numbers",
    "cap_pairs",
    "check_header",
    "none_if_missing",
    "read_csv",
    "read_parquet",
    "table_columns",
]

WORKER_COLUMNS = ("id", "group", "score", "cost", "bid", "coverage")
REQUESTER_COLUMNS = ("id", "budget", "seats")
_CAP_COLUMNS = ("group", "requester", "cap")
_DELIMITERS = ";\t|:"

ROWS_AT_ONCE = 1 << 14
"""Rows of a CSV file that are turned into columns together."""

MOST_PARQUET_BYTES = 8 << 30
"""What the columns of a Parquet file may take in memory: a small file can hold terabytes."""

MOST_PARQUET_VALUES = 5 * 10**8
"""Values in all its columns; a run of equal ones takes a few bytes of the file, whatever its length."""


def check_header(names: list[Any], known: Iterable[str], row: str) -> None:
    """Check the names of a table's columns: texts, each there once, all of them known.

    Raises
    ------
    InputError
    """
    for position, name in enumerate(names):
        if not isinstance(name, str) or not name.strip() or name.startswith("Unnamed:"):
            raise InputError(f"column {position + 1} has no name (a row index that was written along?)", row=row)
    for name, count in Counter(names).items():
        if count > 1:
            raise InputError("two columns of the same name", row=row, field=name[:60])
    refuse_unknown(names, known, row)


def table_columns(table: Any, known: tuple[str, ...], kind: str) -> dict[str, Any]:
    """Return the columns of a data frame by name, as arrays of numbers or lists.

    Raises
    ------
    InputError
        For columns that are unknown, unnamed or there twice.
    """
    if not hasattr(table, "columns") or not hasattr(table, "dtypes"):
        raise InputError(f"expected a data frame, got {type(table).__name__}", row=kind)
    check_header(list(table.columns), known, kind)
    columns: dict[str, Any] = {}
    if "id" in known and "id" not in table.columns and (labels := labels_of(table)) is not None:
        # Rows that do not merely count are named by their labels.
        columns["id"] = labels
    for name in table.columns:
        values = table[name]
        plain = (
            values.dtype.kind in "iuf"
            and isinstance(values.to_numpy(), np.ndarray)
            and not hasattr(values.array, "_mask")
        )
        columns[name] = (
            values.to_numpy() if plain else [none_if_missing(x) if not _is_list(x) else x for x in values.tolist()]
        )
    return columns


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple | np.ndarray)


def cap_pairs(table: Any) -> dict[tuple[str, str], Any]:
    """Read a data frame with the columns ``group``, ``requester``, ``cap``, one row a pair.

    Raises
    ------
    InputError
        For missing or unknown columns, missing names, and pairs that are there twice.
    """
    columns = table_columns(table, _CAP_COLUMNS, "caps")
    for name in _CAP_COLUMNS:
        if name not in columns:
            raise InputError("missing column", row="caps", field=name)
    limits: dict[tuple[str, str], Any] = {}
    rows = zip(*(list(columns[name]) for name in _CAP_COLUMNS), strict=True)
    for position, (group, requester, cap) in enumerate(rows):
        row = f"caps[{position}]"
        pair = read_name(group, row, "group"), read_name(requester, row, "requester")
        if pair in limits:
            raise InputError("two caps for one pair of group and requester", row=row)
        if none_if_missing(cap) is None:
            raise InputError("missing", row=row, field="cap")
        limits[pair] = cap
    return limits


def read_csv(path: Path) -> dict[str, Any]:
    """Read the columns of a CSV file as texts, None where a field is empty; coverage as lists of texts.

    Coverage is a list of numbers separated by blanks, ``0.5 0 1/3``, or a JSON list, ``[0.5, 0, "1/3"]``.

    Raises
    ------
    InputError
        Naming the line.
    """
    text = read_text(path)
    fields: Sequence[Sequence[Any]]
    if (plain := split_lines(text)) is not None:
        header, fields = _checked_header(plain[0]), plain[1]
    else:
        header, fields = _csv_fields(text)
    columns: dict[str, Any] = dict(zip(header, fields, strict=True))
    if "coverage" in columns:
        columns["coverage"] = [_coverage_field(text, position) for position, text in enumerate(columns["coverage"])]
    return columns


def _checked_header(names: list[str]) -> list[str]:
    header = [name.strip() for name in names]
    if found := _other_delimiter(header):
        raise InputError(f"the fields are separated by {found!r}; expected commas", row="header")
    check_header(header, WORKER_COLUMNS, "header")
    return header


def _csv_fields(text: str) -> tuple[list[str], list[list[str | None]]]:
    """Read CSV with quotes, blank lines, or faults."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    limit = csv.field_size_limit(1 << 30)
    try:
        header = _checked_header(next(reader, []))
        fields: list[list[str | None]] = [[] for _ in header]

        def full_rows() -> Iterator[list[str]]:
            for row in reader:
                if row and len(row) != len(header):
                    raise InputError(f"expected {len(header)} fields, got {len(row)}", row=f"line {reader.line_num}")
                if row:
                    yield row

        rows = full_rows()
        # Not all rows at once: the garbage collector would look through a million lists over and over.
        while block := list(islice(rows, ROWS_AT_ONCE)):
            for column, values in zip(fields, zip(*block, strict=True), strict=True):
                column.extend(values)
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", row=f"line {reader.line_num}") from None
    finally:
        csv.field_size_limit(limit)
    return header, [[value or None for value in column] if "" in column else column for column in fields]


def _other_delimiter(header: list[str]) -> str | None:
    """Return what seems to separate the fields if it is not the comma."""
    if len(header) != 1 or header[0] in WORKER_COLUMNS:
        return None
    return next((mark for mark in _DELIMITERS if mark in header[0]), None)


def _coverage_field(text: str | None, position: int) -> list[Any] | None:
    if text is None:
        return None
    if not text.lstrip().startswith("["):
        return text.split()
    try:
        values = json.loads(text, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or any(isinstance(value, list | dict) for value in values):
        raise InputError(
            "expected numbers separated by blanks, or a JSON list of numbers",
            row=f"workers[{position}]",
            field="coverage",
        )
    return values


def read_parquet(path: Path) -> dict[str, Any]:
    """Read the columns of one Parquet file; numbers without gaps as arrays, everything else as lists with None for gaps.

    Raises
    ------
    InputError
        For what is no Parquet file, for columns of a kind that no field has, and for files larger than they look.
    """
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise InputError("reading Parquet needs pyarrow; install fedmech[tables]") from None
    try:
        # One file, never a data set: folders called x=y would add a column of that name.
        with open(path, "rb") as stream, parquet.ParquetFile(stream) as file:
            check_header(list(file.schema_arrow.names), WORKER_COLUMNS, "header")
            _refuse_bombs(file.metadata)
            texts = [
                name for name, kind in zip(file.schema_arrow.names, file.schema_arrow.types, strict=True) if _text(kind)
            ]
        with open(path, "rb") as stream, parquet.ParquetFile(stream, read_dictionary=texts) as file:
            table = file.read()
            _refuse_long(arrow, table)
    except (arrow.ArrowException, ValueError, OSError) as error:
        if isinstance(error, InputError | FileNotFoundError | PermissionError | IsADirectoryError):
            raise
        raise InputError(f"not Parquet: {error}") from None
    columns = {}
    for name in table.column_names:
        try:
            columns[name] = _parquet_column(arrow, name, table.column(name))
        except UnicodeDecodeError:
            raise InputError("a text that is not UTF-8", row="workers", field=name) from None
        except arrow.ArrowException as error:
            raise InputError(f"not Parquet: {error}", field=name) from None
    return columns


def _text(kind: Any) -> bool:
    return str(kind) in ("string", "large_string")


def _refuse_bombs(meta: Any) -> None:
    """Refuse a file whose own account of its sizes is beyond what is read."""
    groups = [meta.row_group(at) for at in range(meta.num_row_groups)]
    promised = sum(group.total_byte_size for group in groups)
    if promised > MOST_PARQUET_BYTES:
        raise InputError(f"its columns take {promised:,} bytes; at most {MOST_PARQUET_BYTES:,} are read")
    values = sum(group.column(at).num_values for group in groups for at in range(group.num_columns))
    if max(values, meta.num_rows) > MOST_PARQUET_VALUES:
        raise InputError(f"its columns hold {values:,} values; at most {MOST_PARQUET_VALUES:,} are read")


def _refuse_long(arrow: Any, table: Any) -> None:
    """Refuse texts that take too much once each row has its own copy."""
    total = 0
    for column in table.columns:
        for chunk in column.chunks:
            if arrow.types.is_dictionary(chunk.type) and _text(chunk.type.value_type):
                begins, ends = _spans(chunk.dictionary)
                indices = chunk.indices.drop_null() if chunk.null_count else chunk.indices
                total += int((ends - begins)[arrow_numbers(indices)].sum())
    if total > MOST_PARQUET_BYTES:
        raise InputError(f"its texts take {total:,} bytes; at most {MOST_PARQUET_BYTES:,} are read")


def _spans(texts: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return where each text of an Arrow array begins and ends in its data."""
    width = np.int64 if str(texts.type) == "large_string" else np.int32
    bounds = np.frombuffer(texts.buffers()[1] or b"", dtype=width)[texts.offset : texts.offset + len(texts) + 1]
    bounds = bounds.astype(np.int64)
    return bounds[:-1], bounds[1:]


def _side_by_side(column: Any) -> TextColumn | None:
    """Return a column of ASCII texts by dictionary as it lies in memory; None for others, and where one is missing or empty."""
    if column.null_count:
        return None
    data, spans, size = [], [], 0
    for chunk in column.chunks:
        held = chunk.dictionary.buffers()[2]
        data.append(held.to_pybytes() if held is not None else b"")
        index = arrow_numbers(chunk.indices)
        spans.append([bounds[index] + size for bounds in _spans(chunk.dictionary)])
        size += len(data[-1])
    joined = b"".join(data)
    begins, ends = (np.concatenate([np.zeros(0, dtype=np.int64), *(span[side] for span in spans)]) for side in (0, 1))
    return TextColumn(joined, begins, ends) if joined.isascii() and (begins < ends).all() else None


_FLOATS = {"halffloat": "float16", "float": "float32", "double": "float64"}
"""Types that Arrow calls otherwise than numpy."""


def arrow_numbers(chunk: Any) -> np.ndarray:
    """Return the numbers of an Arrow array without gaps; its own ``to_numpy`` and ``to_pandas_dtype`` would import pandas."""
    kind = str(chunk.type)
    values = np.frombuffer(chunk.buffers()[1] or b"", dtype=_FLOATS.get(kind, kind))
    return values[chunk.offset : chunk.offset + len(chunk)]


def _parquet_column(arrow: Any, name: str, column: Any) -> Any:
    types = arrow.types
    kind = column.type
    texts = None
    if types.is_dictionary(kind) and _text(kind.value_type) and name != "coverage":
        texts = _side_by_side(column)
    if texts is not None:
        return texts
    while types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    listed = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    text = types.is_string(kind) or types.is_large_string(kind)
    wanted = {"coverage": listed or text, "id": text or types.is_integer(kind), "group": text or types.is_integer(kind)}
    if not wanted.get(name, number or text) and not types.is_null(kind):
        needs = {"coverage": "lists of numbers", "id": "names", "group": "names"}.get(name, "numbers")
        raise InputError(f"expected {needs}, got the Parquet type {kind}", row="header", field=name)
    if number and column.null_count == 0 and not types.is_decimal(kind) and name not in ("id", "group"):
        return np.concatenate([arrow_numbers(chunk) for chunk in column.chunks] or [np.zeros(0, dtype=np.int64)])
    if types.is_decimal(kind):
        return column.cast(arrow.string()).to_pylist()
    values = column.to_pylist()
    if name == "coverage" and text:
        return [_coverage_field(value, position) for position, value in enumerate(values)]
    return values
