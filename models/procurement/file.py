"""Reading and writing ``*.market.json``, with the workers in the file or in a CSV or Parquet file, or a folder of those, beside it.

Numbers are exact from the text on: decimal literals are never turned into binary floats. Whatever is wrong is reported with the
file, the row and the field. Nothing in a file is executed, and a file is written whole or not at all.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..exact import IntArray, format_exact
from ..files import PathLike, read_json, write_whole
from ..input_error import InputError
from ..names import read_name, refuse_unknown
from .columns import UNLIMITED, NumberedIds
from .folder import Folder, market_file_of, open_folder, parquet_files
from .market import Market
from .tables import MOST_PARQUET_VALUES, REQUESTER_COLUMNS, WORKER_COLUMNS, read_csv, read_parquet

__all__ = ["FORMAT", "market_text", "number_literal", "open_market", "read_market", "write_market"]

FORMAT = "fedmech-market/1"

_TOP_FIELDS = {"format", "workers", "requesters", "caps", "default_cap", "groups"}
_PROSE_FIELDS = {"name", "description", "comment", "source", "license"}
_CAP_FIELDS = ("group", "requester", "cap")


# ---------------------------------------------------------------------- JSON


def _records(document: Mapping[str, Any], name: str, fields: Sequence[str], required: Sequence[str]) -> list[dict]:
    rows = document.get(name, [])
    if not isinstance(rows, list):
        raise InputError(f"expected a list, got {type(rows).__name__}", field=name)
    for position, row in enumerate(rows):
        where = f"{name}[{position}]"
        if not isinstance(row, dict):
            raise InputError(f"expected an object, got {type(row).__name__}", row=where)
        if not row.keys() <= set(fields):
            refuse_unknown(row, fields, where)
        for field in required:
            if row.get(field) is None:
                label = f" (id '{str(row['id'])[:60]}')" if isinstance(row.get("id"), str | int) else ""
                raise InputError("missing", row=where + label, field=field)
        for field in ("id", "group", "requester"):
            if field in row and not isinstance(row[field], str | int):
                raise InputError(f"expected a name, got {type(row[field]).__name__}", row=where, field=field)
    return rows


def read_market(path: PathLike, *, drop_zero: bool = False) -> Market:
    """Read a market from ``*.market.json``.

    Parameters
    ----------
    path : path
        The JSON file; if its ``workers`` is a string, that names a CSV or Parquet file beside it, or a folder of Parquet files. A
        folder stands for the ``*.market.json`` inside it, or beside it with its name.
    drop_zero : bool
        Leave out workers whose score is 0 instead of refusing them.

    Returns
    -------
    Market

    Raises
    ------
    InputError
        Naming file, row and field, for anything that is not a market.
    """
    path = market_file_of(Path(path))
    return _in_memory(path, _read_top(path), drop_zero)


def open_market(path: PathLike) -> Market | Folder:
    """Read a market, or open it if its workers lie in a folder of Parquet files that can be read a block at a time.

    A folder is read into memory where no ``groups`` are listed, where scores or costs are neither integers nor decimals, and where
    seat limits could bind.

    Parameters
    ----------
    path : path
        As :func:`read_market` takes it.

    Returns
    -------
    Market or Folder

    Raises
    ------
    InputError
        Naming file, row and field, for anything that is not a market.
    """
    path = market_file_of(Path(path))
    top = _read_top(path)
    try:
        place = _beside(path, top.workers) if isinstance(top.workers, str) else path
        if place.is_dir() and top.others["group_ids"] is not None:
            folder = open_folder(Market.build(scores=[], costs=[], groups=[], **top.others), place)
            if folder is not None and not folder.seats_bind:
                return folder
    except InputError as error:
        raise error.in_file(path) from None
    return _in_memory(path, top, False)


def _in_memory(path: Path, top: _Top, drop_zero: bool) -> Market:
    workers_file = path
    try:
        if not isinstance(top.workers, str):
            workers = _worker_columns(top.workers)
        else:
            workers_file = _beside(path, top.workers)
            workers = _read_workers(workers_file)
    except InputError as error:
        raise error.in_file(path) from None
    try:
        return Market.build(**workers, **top.others, drop_zero=drop_zero)
    except InputError as error:
        about_workers = (error.row or "").startswith("workers")
        raise error.in_file(workers_file if about_workers else path) from None


class _Top(NamedTuple):
    """A market file without what its workers are: rows of them, or the name of what holds them."""

    workers: str | list[dict]
    others: dict[str, Any]


def _read_top(path: Path) -> _Top:
    document = read_json(path)
    try:
        if not isinstance(document, dict):
            raise InputError(f"expected an object, got {type(document).__name__}")
        if document.get("format") != FORMAT:
            raise InputError(f"expected {FORMAT!r}, got {str(document.get('format'))[:60]!r}", field="format")
        refuse_unknown(document, _TOP_FIELDS | _PROSE_FIELDS, None)
        for field in ("workers", "requesters"):
            if field not in document:
                raise InputError("missing", field=field)
        workers = document["workers"]
        if not isinstance(workers, str):
            workers = _records(document, "workers", WORKER_COLUMNS, ("id", "group", "score"))
        requesters = _records(document, "requesters", REQUESTER_COLUMNS, ("id", "budget"))
        caps = _caps(_records(document, "caps", _CAP_FIELDS, _CAP_FIELDS))
        groups = document.get("groups")
        if groups is not None and not isinstance(groups, list):
            raise InputError("expected a list of names", field="groups")
    except InputError as error:
        raise error.in_file(path) from None
    others = {
        "group_ids": groups,
        "budgets": [row["budget"] for row in requesters],
        "requester_ids": [row["id"] for row in requesters],
        "seats": [row.get("seats") for row in requesters],
        "caps": caps,
        "default_cap": document.get("default_cap"),
    }
    return _Top(workers, others)


def _beside(path: Path, name: str) -> Path:
    if Path(name).name != name or name in ("", ".", ".."):
        raise InputError("must name a file in the same folder, without a path", field="workers")
    return path.parent / name


def _caps(rows: list[dict]) -> dict[tuple[str, str], Any]:
    caps: dict[tuple[str, str], Any] = {}
    for position, row in enumerate(rows):
        where = f"caps[{position}]"
        pair = read_name(row["group"], where, "group"), read_name(row["requester"], where, "requester")
        if pair in caps:
            raise InputError(f"second cap for group '{pair[0][:80]}' at requester '{pair[1][:80]}'", row=where)
        caps[pair] = row["cap"]
    return caps


def _worker_columns(rows: list[dict]) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "worker_ids": [row["id"] for row in rows],
        "groups": [row["group"] for row in rows],
        "scores": [row["score"] for row in rows],
    }
    for field, name in (("cost", "costs"), ("bid", "bids"), ("coverage", "coverage")):
        columns[name] = [row.get(field) for row in rows]
    for position, row in enumerate(columns["coverage"]):
        if row is not None and not isinstance(row, list):
            where = f"workers[{position}] (id '{columns['worker_ids'][position]}')"
            raise InputError(f"expected a list of numbers, got {type(row).__name__}", row=where, field="coverage")
    return _complete(columns)


def _complete(columns: dict[str, Any]) -> dict[str, Any]:
    """Settle the optional columns: all there, all missing, or an error that names the first gap."""
    count = len(columns["worker_ids"])

    def where(position: int) -> str:
        return f"workers[{position}] (id '{str(columns['worker_ids'][position])[:60]}')"

    for field, name in (("cost", "costs"), ("coverage", "coverage")):
        gaps = _gaps(columns.get(name), count)
        if len(gaps) == count:
            columns[name] = None
        elif len(gaps):
            raise InputError("missing, while other workers have it", row=where(int(gaps[0])), field=field)
    gaps = _gaps(columns.get("bids"), count)
    if len(gaps) == count and (columns["costs"] is not None or not count):
        columns["bids"] = None
    elif len(gaps):
        if columns["costs"] is None:
            raise InputError("missing, and there is no bid either", row=where(int(gaps[0])), field="cost")
        bids = list(columns["bids"])
        for position in gaps.tolist():
            bids[position] = columns["costs"][position]
        columns["bids"] = bids
    if not count:
        columns["costs"] = []
    return columns


def _gaps(column: Any, count: int) -> np.ndarray:
    if column is None:
        return np.arange(count)
    # Asked of the whole list first: `in` compares a million texts with None at once.
    if not isinstance(column, list) or None not in column:
        return np.zeros(0, dtype=np.int64)
    return np.array([position for position, value in enumerate(column) if value is None], dtype=np.int64)


# ---------------------------------------------------------------------- CSV and Parquet


def _read_workers(path: Path) -> dict[str, Any]:
    """Read a table of workers, or all tables of a folder, one below the other."""
    if not path.is_dir():
        return _read_table(path)
    tables: list[dict[str, Any]] = []
    for file in parquet_files(path):
        tables.append(_read_table(file, numbered=True))
        if len(tables[0]) * sum(len(table["worker_ids"]) for table in tables) > MOST_PARQUET_VALUES:
            raise InputError(f"more than {MOST_PARQUET_VALUES:,} values are not read at once", file=str(path))
    try:
        columns = {name: _joined(tables, name) for name in tables[0]}
        if all(isinstance(table["worker_ids"], NumberedIds) for table in tables):
            columns["worker_ids"] = NumberedIds("w", len(columns["worker_ids"]))
        return _complete(columns)
    except InputError as error:
        raise error.in_file(path) from None


def _joined(tables: list[dict[str, Any]], name: str) -> Any:
    columns = [table[name] for table in tables]
    if all(isinstance(column, np.ndarray) and column.dtype == columns[0].dtype for column in columns):
        return np.concatenate(columns)
    # None stands for a column of gaps.
    return [
        value
        for table in tables
        for value in (table[name] if table[name] is not None else [None] * len(table["worker_ids"]))
    ]


def _read_table(path: Path, *, numbered: bool = False) -> dict[str, Any]:
    """Read a table of workers; `numbered`: without ids they are called as they come."""
    readers: dict[str, Callable[[Path], dict[str, Any]]] = {".csv": read_csv, ".parquet": read_parquet}
    if path.suffix.lower() not in readers:
        raise InputError("expected a .csv or .parquet file", field="workers", file=str(path))
    try:
        table = readers[path.suffix.lower()](path)
        if numbered and "id" not in table and "score" in table:
            table["id"] = NumberedIds("w", len(table["score"]))
        for column in ("id", "group", "score"):
            if column not in table:
                raise InputError("missing column", row="header", field=column)
        names = {"id": "worker_ids", "group": "groups", "score": "scores", "cost": "costs", "bid": "bids"}
        columns = {names.get(name, name): values for name, values in table.items()}
        for column in ("id", "group", "score"):
            gaps = _gaps(columns[names[column]], len(columns["worker_ids"]))
            if len(gaps):
                raise InputError("missing", row=f"workers[{int(gaps[0])}]", field=column)
        return _complete({"costs": None, "bids": None, "coverage": None, **columns})
    except InputError as error:
        raise error.in_file(path) from None
    except OSError as error:
        raise InputError(f"cannot read: {error.strerror or error}", file=str(path)) from None


# ---------------------------------------------------------------------- writing


def number_literal(value: Fraction) -> str:
    """Write a number exactly as JSON: an integer, a decimal literal where one exists, else the string ``"p/q"``."""
    numerator, denominator = value.numerator, value.denominator
    if denominator == 1:
        return str(numerator)
    rest, twos, fives = denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives)
    if rest != 1 or places > 40:
        return f'"{format_exact(value)}"'
    digits = str(abs(numerator) * 10**places // denominator).rjust(places + 1, "0")
    return f"{'-' if numerator < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def write_market(market: Market, path: PathLike, *, workers_file: str | None = None) -> None:
    """Write a market to ``*.market.json``; :func:`read_market` gives it back exactly.

    Parameters
    ----------
    market : Market
    path : path
    workers_file : str, optional
        Name of a ``.csv`` or ``.parquet`` file beside `path` that takes the workers; best for large markets.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    target = Path(path)
    if workers_file is None:
        write_whole(target, market_text(market))
        return
    _write_workers(market, _beside(target, workers_file))
    write_whole(target, _market_text(market, json.dumps(workers_file)))


def market_text(market: Market) -> str:
    """Return the JSON text of ``*.market.json``, workers included."""
    rows = ",\n  ".join(_worker_rows(market))
    return _market_text(market, f"[\n  {rows}]" if market.n else "[]")


def _market_text(market: Market, workers: str) -> str:
    requesters = []
    for j in range(market.m):
        seats = "" if market.seat_limits[j] == UNLIMITED else f', "seats": {market.seat_limits[j]}'
        name = json.dumps(market.requester_ids[j])
        requesters.append(f'{{"id": {name}, "budget": {number_literal(market.budget(j))}{seats}}}')
    limits, counts = np.unique(market.cap_limits, return_counts=True)
    default = int(limits[np.argmax(counts)]) if len(limits) else UNLIMITED
    # Null means unlimited only as the default, so an unlimited pair forces that default.
    default = UNLIMITED if UNLIMITED in limits else default
    caps = [
        f'{{"group": {json.dumps(market.group_ids[l])}, "requester": {json.dumps(market.requester_ids[j])}, "cap": {cap}}}'
        for (l, j), cap in np.ndenumerate(market.cap_limits)
        if cap != default
    ]
    document = [
        f'"format": "{FORMAT}"',
        f'"groups": {json.dumps(list(market.group_ids))}',
        f'"workers": {workers}',
        '"requesters": [' + ",\n  ".join(requesters) + "]",
        '"caps": [' + ",\n  ".join(caps) + "]",
        f'"default_cap": {"null" if default == UNLIMITED else default}',
    ]
    return "{" + ",\n ".join(document) + "}\n"


def _worker_fields(market: Market) -> Iterable[tuple[str, str, str, str | None, str | None]]:
    """Yield id, group, score, cost and bid of every worker as literals; None for what need not be written."""
    for i in range(market.n):
        cost = None if market.scaled.costs is None else number_literal(market.cost(i))
        truthful = market.scaled.costs is not None and market.scaled.bids[i] == market.scaled.costs[i]
        bid = None if truthful else number_literal(market.bid(i))
        yield (
            market.worker_ids[i],
            market.group_ids[int(market.group_of[i])],
            number_literal(market.score(i)),
            cost,
            bid,
        )


def _coverage_row(market: Market, i: int) -> list[str]:
    assert market.scaled.coverage is not None
    return [number_literal(Fraction(int(z), market.scaled.coverage_denominator)) for z in market.scaled.coverage[i]]


def _worker_rows(market: Market) -> Iterable[str]:
    for i, (name, group, score, cost, bid) in enumerate(_worker_fields(market)):
        parts = [f'"id": {json.dumps(name)}', f'"group": {json.dumps(group)}', f'"score": {score}']
        if cost is not None:
            parts.append(f'"cost": {cost}')
        if bid is not None:
            parts.append(f'"bid": {bid}')
        if market.scaled.coverage is not None:
            parts.append(f'"coverage": [{", ".join(_coverage_row(market, i))}]')
        yield "{" + ", ".join(parts) + "}"


def _written(numbers: IntArray, denominator: int, wholes: bool) -> IntArray | list[str]:
    """Return a column as it is written: exact literals, or `wholes` themselves where all are whole numbers of 64 bits."""
    if denominator > 1:
        return [number_literal(Fraction(number, denominator)).strip('"') for number in numbers.tolist()]
    return numbers if wholes and numbers.dtype != object else [str(number) for number in numbers.tolist()]


def _write_workers(market: Market, path: Path) -> None:
    scaled, wholes = market.scaled, path.suffix.lower() == ".parquet"
    groups = np.array(market.group_ids, dtype=object)
    columns: dict[str, Any] = {"id": list(market.worker_ids), "group": groups[market.group_of].tolist()}
    columns["score"] = _written(scaled.scores, scaled.score_denominator, wholes)
    costs, bids = scaled.costs, scaled.bids
    if costs is not None:
        columns["cost"] = _written(costs, scaled.money_denominator, wholes)
    if costs is None or (bids != costs).any():
        columns["bid"] = _written(bids, scaled.money_denominator, wholes)
    if market.scaled.coverage is not None:
        columns["coverage"] = [" ".join(_coverage_row(market, i)).replace('"', "") for i in range(market.n)]
    if path.suffix.lower() == ".csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        write_whole(path, text.getvalue())
        return
    if path.suffix.lower() != ".parquet":
        raise InputError("expected a .csv or .parquet file", field="workers", file=str(path))
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise InputError("writing Parquet needs pyarrow; install fedmech[tables]") from None
    if "coverage" in columns:
        columns["coverage"] = [row.split() for row in columns["coverage"]]
    sink = io.BytesIO()
    parquet.write_table(arrow.table(columns), sink)
    write_whole(path, sink.getvalue())
