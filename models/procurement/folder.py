"""Markets larger than memory: the workers lie in a folder of Parquet files and are read a block at a time.

The market file names the folder where another one names a table, and lists its ``groups``. All files have the same columns:
``id``, ``group``, ``score`` and ``cost`` (others of a market's table may be there). Scores and costs are integers or decimals, so
that one denominator holds for all of them; floating point and texts are left to the reader in memory. Files count by name. That no
two workers have one id is not asked here: it would take all ids at once. Without a column of ids workers are numbered as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..executors import Executor, Pulse, Threads
from ..input_error import InputError
from ..names import read_name
from .columns import UNLIMITED
from .market import Market
from .tables import WORKER_COLUMNS, arrow_numbers, check_header

__all__ = [
    "BLOCK_ROWS",
    "LARGEST",
    "Folder",
    "Rows",
    "marked",
    "market_file_of",
    "numbered_ids",
    "open_folder",
    "parquet_files",
]

BLOCK_ROWS = 1 << 16
"""Rows of one block: what is computed about them stays in the processor's cache."""

LARGEST = 1 << 61
"""Scores and costs are below it, in their units: two of them add up within 64 bits."""

_Found = TypeVar("_Found")


class Rows(NamedTuple):
    """A block of rows of one file.

    Attributes
    ----------
    begin : int
        Number of the first of them, over all files.
    scores, costs : ndarray of int64
        In units of the folder's denominators.
    groups : ndarray of int64
        Positions in the market's groups.
    """

    begin: int
    scores: np.ndarray
    costs: np.ndarray
    groups: np.ndarray


@dataclass(frozen=True)
class Folder:
    """A market whose workers stay in their files.

    Attributes
    ----------
    header : Market
        Requesters, caps and groups; no workers.
    files : tuple of Path
        In the order of their names.
    sizes : tuple of int
        Rows of each.
    score_denominator, cost_denominator : int
        What the integers of `Rows` are over.
    named : bool
        Whether groups are texts, and not whole numbers.
    bid_denominator : int or None
        What bids are over; None if they cannot be streamed.
    bids : bool
        Whether there is a column of bids; without one, bids are costs.
    money : {'cost', 'bid'}
        The column that the costs of `Rows` are.
    numbered : bool
        Whether there is no column of ids: workers are then called ``w1``, ``w2``, ... as they come.
    executor : Executor
        Where passes over the files run.
    """

    header: Market
    files: tuple[Path, ...]
    sizes: tuple[int, ...]
    score_denominator: int
    cost_denominator: int
    named: bool = True
    bid_denominator: int | None = None
    bids: bool = False
    money: str = "cost"
    numbered: bool = False
    executor: Executor = field(default_factory=Threads, repr=False, compare=False)

    @property
    def n(self) -> int:
        """Number of workers."""
        return sum(self.sizes)

    @cached_property
    def starts(self) -> list[int]:
        """Number of the first worker of each file."""
        return list(accumulate(self.sizes, initial=0))[:-1]

    @cached_property
    def limits(self) -> tuple[int, ...]:
        """How many workers of each group all caps together admit, and never more than there are workers."""
        rows = self.header.cap_limits.tolist()
        return tuple(self.n if UNLIMITED in row else min(self.n, sum(row)) for row in rows)

    @cached_property
    def budget(self) -> int:
        """The pooled budget in units of the costs, rounded down: costs add up to whole units."""
        whole = self.header.total_budget * self.cost_denominator
        return whole.numerator // whole.denominator

    @property
    def seats_bind(self) -> bool:
        """Whether a seat limit could matter."""
        seats, caps = self.header.seat_limits, self.header.cap_limits
        places = np.where((caps == UNLIMITED).any(axis=0), self.n, np.minimum(self.n, caps.sum(axis=0)))
        return bool(((seats != UNLIMITED) & (seats < places)).any())

    def blocks(self, at: int) -> Iterator[Rows]:
        """Read one file from its beginning.

        Raises
        ------
        InputError
            Naming file, row and field, for what is missing or no score, cost or group of the market.
        """
        for _, rows in self._read(at, ()):
            yield rows

    def named_blocks(self, at: int) -> Iterator[tuple[Any, Rows]]:
        """Read one file as :meth:`blocks` does, with the ids of each block as an array of Arrow's."""
        for batch, rows in self._read(at, () if self.numbered else ("id",)):
            yield self._ids(batch, rows.begin), rows

    def _read(self, at: int, more: tuple[str, ...]) -> Iterator[tuple[Any, Rows]]:
        begin = self.starts[at]
        try:
            for batch in self._batches(at, ("score", self.money, "group", *more)):
                local = begin - self.starts[at]
                scores = _numbers(batch.column("score"), local, "score", least=1)
                costs = _numbers(batch.column(self.money), local, self.money, least=0)
                yield batch, Rows(begin, scores, costs, self._groups(batch.column("group"), local))
                begin += len(scores)
        except InputError as error:
            raise error.in_file(self.files[at]) from None
        if begin != self.starts[at] + self.sizes[at]:
            raise InputError("has changed since it was opened", file=str(self.files[at]))

    def names(self, at: int) -> Iterator[tuple[Any, np.ndarray]]:
        """Read the ids of one file as Arrow's arrays, with the positions of their groups."""
        local = 0
        for batch in self._batches(at, ("group",) if self.numbered else ("id", "group")):
            yield self._ids(batch, self.starts[at] + local), self._groups(batch.column("group"), local)
            local += batch.num_rows

    def homes(self, at: int) -> Iterator[np.ndarray]:
        """Read the positions of the groups of one file."""
        local = 0
        for batch in self._batches(at, ("group",)):
            yield self._groups(batch.column("group"), local)
            local += batch.num_rows

    def _ids(self, batch: Any, begin: int) -> Any:
        return numbered_ids(begin, batch.num_rows) if self.numbered else batch.column("id")

    def on_bids(self) -> Folder:
        """Return the folder with bids in the place of costs.

        Raises
        ------
        InputError
            If bids are floating point, or texts, or missing for some: a stream has one denominator for all.
        """
        if self.bid_denominator is None:
            raise InputError(
                "must be integers or decimals, for every worker, to be read a block at a time", field="bid"
            )
        return replace(self, money="bid", cost_denominator=self.bid_denominator) if self.bids else self

    def _batches(self, at: int, columns: tuple[str, ...]) -> Iterator[Any]:
        """Read columns of one file as Arrow's record batches; groups by dictionary."""
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        texts = ["group"] if self.named else []
        try:
            with open(self.files[at], "rb") as stream, parquet.ParquetFile(stream, read_dictionary=texts) as file:
                yield from file.iter_batches(BLOCK_ROWS, columns=list(columns), use_threads=False)
        except (arrow.ArrowException, OSError) as error:
            raise InputError(f"cannot read: {error}", file=str(self.files[at])) from None

    def each_file(
        self, task_of: Callable[[int], Callable[[Pulse], _Found]], pulse: Pulse, which: Iterable[int] | None = None
    ) -> Iterator[_Found]:
        """Do a task on every file, or on some, and give what the tasks return in the files' order.

        Parameters
        ----------
        task_of : callable
            Makes the task of a file, which may be sent to another process, see :mod:`fedmech.models.executors`.
        pulse : callable
        which : iterable of int, optional
            Numbers of files.
        """
        return self.executor.each(map(task_of, range(len(self.files)) if which is None else which), pulse)

    def on(self, executor: Executor) -> Folder:
        """Return the folder as the tasks of a cluster read it: from anywhere."""
        return replace(self, executor=executor, files=tuple(file.resolve() for file in self.files))

    def _groups(self, column: Any, local: int) -> np.ndarray:
        """Return the position of every row's group."""
        _refuse_gaps(column, local, "group")
        if not hasattr(column, "dictionary"):
            column = column.dictionary_encode()
        known, names = self._group_index, column.dictionary.to_pylist()
        positions = np.array([known.get(str(name), -1) for name in names], dtype=np.int64)
        found = positions[arrow_numbers(column.indices)]
        if len(positions) and int(positions.min()) < 0 and len(wrong := np.flatnonzero(found < 0)):
            row = f"workers[{local + int(wrong[0])}]"
            name = read_name(names[int(column.indices[int(wrong[0])].as_py())], row, "group")
            raise InputError(f"unknown group {ascii(name)[:80]}", row=row, field="group")
        return found

    @cached_property
    def _group_index(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.header.group_ids)}


def numbered_ids(begin: int, count: int) -> Any:
    """Return the ids of some workers that have none, as they come, as an array of Arrow's."""
    import pyarrow as arrow

    numbers = arrow.array(np.arange(begin + 1, begin + count + 1)).cast(arrow.string())
    return import_module("pyarrow.compute").binary_join_element_wise("w", numbers, "")


def marked(bits: np.ndarray, begin: int, count: int) -> np.ndarray:
    """Return which of some rows of a file have their bit set; blocks begin wherever the file's row groups make them."""
    part = np.unpackbits(bits[begin // 8 : (begin + count + 7) // 8])
    return np.flatnonzero(part[begin % 8 : begin % 8 + count])


def market_file_of(path: Path) -> Path:
    """Return the market file that a folder stands for: the only one inside, or the one beside it that has its name.

    Raises
    ------
    InputError
        If there is none, or more than one.
    """
    if not path.is_dir():
        return path
    inside = sorted(path.glob("*.market.json"))
    beside = path.resolve().parent / f"{path.resolve().name}.market.json"
    if len(inside) > 1:
        raise InputError(f"has {len(inside)} files *.market.json: name one", file=str(path))
    if not inside and not beside.is_file():
        raise InputError(f"a folder with no *.market.json inside, and no {beside.name} beside it", file=str(path))
    return inside[0] if inside else beside


def open_folder(header: Market, folder: Path) -> Folder | None:
    """Look at the files of a folder, not yet at their rows.

    Returns
    -------
    Folder or None
        None if scores or costs are neither integers nor decimals, or are missing.

    Raises
    ------
    InputError
        For files that are no Parquet, or whose columns are not those of the first one.
    """
    kinds: dict[str, Any] = {}
    sizes: list[int] = []
    all_bid = True
    files = tuple(parquet_files(folder))
    for file in files:
        try:
            schema, rows, gaps = _footer(file)
            for name in ("group", "score"):
                if name not in schema:
                    raise InputError("missing column", row="header", field=name)
            for name in {**kinds, **schema} if kinds else ():
                if kinds.get(name) != schema.get(name):
                    what = f"{schema.get(name, 'no column')}, but {kinds.get(name, 'no column')} in {files[0].name}"
                    raise InputError(what, row="header", field=name)
        except InputError as error:
            raise error.in_file(file) from None
        kinds = kinds or schema
        sizes.append(rows)
        all_bid = all_bid and not gaps
    units = [_denominator(kinds[name]) if name in kinds else None for name in ("score", "cost")]
    if units[0] is None or units[1] is None:
        return None
    named, bids = str(kinds["group"]) in ("string", "large_string"), "bid" in kinds
    bid_unit = (_denominator(kinds["bid"]) if all_bid else None) if bids else units[1]
    return Folder(header, files, tuple(sizes), units[0], units[1], named, bid_unit, bids, numbered="id" not in kinds)


def parquet_files(folder: Path) -> list[Path]:
    """Return the Parquet files of a folder by name; hidden ones, and what lies in folders below, are none.

    Raises
    ------
    InputError
        If there are none.
    """
    files = sorted(file for file in folder.glob("*.parquet") if file.is_file() and not file.name.startswith((".", "_")))
    if not files:
        raise InputError("has no files *.parquet", file=str(folder))
    return files


def _footer(path: Path) -> tuple[dict[str, Any], int, bool]:
    """Return the types of a file's columns, its number of rows, and whether bids may be missing."""
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise InputError("reading Parquet needs pyarrow; install fedmech[tables]") from None
    try:
        with open(path, "rb") as stream, parquet.ParquetFile(stream) as file:
            schema = file.schema_arrow
            check_header(list(schema.names), WORKER_COLUMNS, "header")
            kinds = dict(zip(schema.names, schema.types, strict=True))
            return kinds, file.metadata.num_rows, "bid" in kinds and _may_miss(file.metadata, schema.names.index("bid"))
    except InputError:
        raise
    except (arrow.ArrowException, ValueError, OSError) as error:
        raise InputError(f"not Parquet: {error}") from None


def _may_miss(meta: Any, column: int) -> bool:
    """Whether a column may have gaps, as far as a file's own account of itself says."""
    found = [meta.row_group(at).column(column).statistics for at in range(meta.num_row_groups)]
    return any(some is None or some.null_count is None or some.null_count > 0 for some in found)


def _denominator(kind: Any) -> int | None:
    """Return what the integers of a column are over; None for a type without one."""
    import pyarrow as arrow

    if arrow.types.is_integer(kind):
        return 1
    return 10**kind.scale if arrow.types.is_decimal(kind) and kind.scale >= 0 else None


def _refuse_gaps(column: Any, local: int, field: str) -> None:
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise InputError("missing", row=f"workers[{local + row}]", field=field)


def _numbers(column: Any, local: int, field: str, least: int) -> np.ndarray:
    """Return the integers of a column, refusing what is too small or too large."""
    import pyarrow as arrow

    _refuse_gaps(column, local, field)
    kind = column.type
    if arrow.types.is_decimal(kind):
        if kind.bit_width != 128:
            column = column.cast(arrow.decimal128(38, kind.scale))
        words = np.frombuffer(column.buffers()[1] or b"", dtype="<i8")[
            2 * column.offset : 2 * (column.offset + len(column))
        ]
        values, wide = words[::2], words[1::2]
        strange = wide != values >> 63
        if strange.any():
            at = int(np.flatnonzero(strange)[0])
            _refuse_number(int(wide[at]) < 0, local + at, field, least)
    else:
        values = arrow_numbers(column)
        if values.dtype == np.uint64 and len(values) and int(values.max()) >= LARGEST:
            _refuse_number(False, local + int(values.argmax()), field, least)
        values = values.astype(np.int64, copy=False)
    if len(values):
        if int(values.min()) < least:
            _refuse_number(True, local + int(values.argmin()), field, least)
        if int(values.max()) >= LARGEST:
            _refuse_number(False, local + int(values.argmax()), field, least)
    return values


def _refuse_number(small: bool, row: int, field: str, least: int) -> None:
    what = f"must be {'> 0' if least else '>= 0'}" if small else f"must be below {LARGEST} units in a folder of files"
    raise InputError(what, row=f"workers[{row}]", field=field)
