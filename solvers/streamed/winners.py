"""Who is hired by whom, written file by file where the file is read: no more ids are in memory than those of a few files."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from math import gcd, inf
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from ...models.executors import Pulse, go_on
from ...models.files import refuse_overwriting
from ...models.input_error import InputError
from ...models.procurement.columns import UNLIMITED
from ...models.procurement.folder import Folder, marked
from ..proofs.folder_outcome import CheckedFolderOutcome, Witness, winners_among

__all__ = ["write_paid_winners", "write_winners"]


class _Winners(NamedTuple):
    """The winners of one file: ids, as texts, groups, and further columns."""

    ids: Any
    groups: NDArray[np.int64]
    more: dict[str, Any]


def write_winners(folder: Folder, chosen: Sequence[NDArray[np.uint8]], target: Path) -> int:
    """Write a folder of Parquet files with the columns ``worker`` and ``requester``, one file for each of the market's.

    Parameters
    ----------
    folder : Folder
    chosen : sequence of ndarray of uint8
        For each file, a bit for each row.
    target : Path
        A folder that is not there yet; it appears whole or not at all.

    Returns
    -------
    int
        How many there are.

    Raises
    ------
    InputError
        If it cannot be written, and for winners without an id.
    """
    counts = folder.each_file(lambda at: partial(_count, folder, at, chosen[at]), go_on)
    return _write(folder, lambda at: partial(_hired, folder, at, chosen[at]), list(counts), target)


def write_paid_winners(folder: Folder, witness: Witness, found: CheckedFolderOutcome, target: Path) -> int:
    """Write the winners of DriftPay-CO as :func:`write_winners` does, with ``payment`` and ``payment_exact``, each its score times the price.

    Parameters
    ----------
    folder : Folder
        Whose money are bids.
    witness : Witness
    found : CheckedFolderOutcome
        What the witness's checker found.
    target : Path
    """
    price = found.price or Fraction(0)
    return _write(folder, lambda at: partial(_paid, folder, at, witness, price), found.file_counts, target)


def _write(
    folder: Folder, find: Callable[[int], Callable[[], _Winners]], counts: Sequence[list[int]], target: Path
) -> int:
    """Write the winners that are found in each file, so many of each group."""
    if target.exists():
        refuse_overwriting(target, False)
        raise InputError("there is such a folder already", file=str(target))
    try:
        draft = Path(tempfile.mkdtemp(dir=target.resolve().parent, prefix=f".{target.name[:100]}."))
    except OSError as error:
        raise InputError(f"cannot write: {error.strerror or error}", file=str(target)) from None
    before = np.cumsum([[0] * len(folder.limits), *counts], axis=0, dtype=np.int64)
    try:
        written = folder.each_file(lambda at: partial(_write_file, folder, at, find(at), before[at], draft), go_on)
        total = sum(written)
        for left in draft.glob(".*"):
            # Begun by a process that died.
            left.unlink()
        umask = os.umask(0)
        os.umask(umask)
        draft.chmod(0o777 & ~umask)
        draft.rename(target)
    except OSError as error:
        raise InputError(f"cannot write: {error.strerror or error}", file=str(target)) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return total


def _write_file(
    folder: Folder, at: int, find: Callable[[], _Winners], filled: NDArray[np.int64], draft: Path, _: Pulse
) -> int:
    """Write the winners of one file, of whose groups so many are placed before it; return how many they are."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    found = find()
    # Of each group the first winners go to the first requester, and so on.
    caps = folder.header.cap_limits
    ends = np.minimum(np.where(caps == UNLIMITED, folder.n, caps), folder.n).cumsum(axis=1)
    requesters = arrow.array(_placed(found.groups, filled, ends))
    names = arrow.array(folder.header.requester_ids, type=arrow.string()).take(requesters)
    name = folder.files[at].name
    begun = draft / f".{name}.{uuid4().hex}"
    try:
        columns = {"worker": found.ids, "requester": names, **found.more}
        parquet.write_table(arrow.table(columns), begun, compression="zstd")
        # Whole or not at all, and whoever else has the same file to write writes the same.
        begun.replace(draft / name)
    except OSError as error:
        raise InputError(f"cannot write: {error.strerror or error}", file=str(draft)) from None
    return len(found.groups)


def _count(folder: Folder, at: int, bits: NDArray[np.uint8], _: Pulse) -> list[int]:
    """Count the winners of each group in one file."""
    begin, found = 0, np.zeros(len(folder.limits), dtype=np.int64)
    for homes in folder.homes(at):
        found += np.bincount(homes[marked(bits, begin, len(homes))], minlength=len(found))
        begin += len(homes)
    return found.tolist()


def _hired(folder: Folder, at: int, bits: NDArray[np.uint8]) -> _Winners:
    import pyarrow as arrow

    begin, ids, groups = 0, [], []
    for names, homes in folder.names(at):
        index = marked(bits, begin, len(names))
        ids.append(_texts(folder, at, names, index, begin))
        groups.append(homes[index])
        begin += len(names)
    return _Winners(arrow.chunked_array(ids, type=arrow.string()), _joined(groups), {})


def _paid(folder: Folder, at: int, witness: Witness, price: Fraction) -> _Winners:
    import pyarrow as arrow

    ids, groups, numbers, texts = [], [], [], []
    unit = price / folder.score_denominator
    for names, rows in folder.named_blocks(at):
        index = np.flatnonzero(winners_among(rows, witness))
        ids.append(_texts(folder, at, names, index, rows.begin - folder.starts[at]))
        groups.append(rows.groups[index])
        for score in rows.scores[index].tolist():
            whole = score * unit.numerator
            common = gcd(whole, unit.denominator)
            numbers.append(_nearest(whole, unit.denominator))
            below = unit.denominator // common
            texts.append(f"{whole // common}/{below}" if below > 1 else f"{whole // common}")
    payments = {
        "payment": arrow.array(numbers, type=arrow.float64()),
        "payment_exact": arrow.array(texts, type=arrow.string()),
    }
    return _Winners(arrow.chunked_array(ids, type=arrow.string()), _joined(groups), payments)


def _nearest(whole: int, below: int) -> float:
    try:
        return whole / below
    except OverflowError:
        return inf


def _texts(folder: Folder, at: int, names: Any, index: NDArray, begin: int) -> Any:
    """Return some ids of a block as texts, refusing gaps."""
    import pyarrow as arrow

    column = names.take(arrow.array(index))
    if column.null_count:
        first = begin + int(index[int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])])
        raise InputError("missing", row=f"workers[{first}]", field="id", file=str(folder.files[at]))
    return column.cast(arrow.string())


def _joined(groups: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(0, dtype=np.int64), *groups])


def _placed(groups: NDArray[np.int64], filled: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Say which requester takes each winner, when so many of each group are placed."""
    found = np.empty(len(groups), dtype=np.int64)
    if not len(groups):
        return found
    order = np.argsort(groups, kind="stable")
    present, begins = np.unique(groups[order], return_index=True)
    for group, mine in zip(present.tolist(), np.split(order, begins[1:]), strict=True):
        ranks = filled[group] + np.arange(len(mine))
        found[mine] = np.searchsorted(ends[group], ranks, side="right")
    return found
