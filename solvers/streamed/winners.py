"""Who is hired by whom, written file by file: no more ids are in memory than those of a few files."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import gcd, inf
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...models.files import refuse_overwriting
from ...models.input_error import InputError
from ...models.procurement.columns import UNLIMITED
from ...models.procurement.folder import Folder, marked
from ..proofs.folder_outcome import Witness, winners_among

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
    return _write(folder, lambda at: _hired(folder, at, chosen[at]), target)


def write_paid_winners(folder: Folder, witness: Witness, price: Fraction | None, target: Path) -> int:
    """Write the winners of DriftPay-CO as :func:`write_winners` does, with ``payment`` and ``payment_exact``, each its score times a price.

    Parameters
    ----------
    folder : Folder
        Whose money are bids.
    witness : Witness
        One that has been checked.
    price : Fraction or None
        In the market's units; None where nobody wins.
    target : Path
    """
    return _write(folder, lambda at: _paid(folder, at, witness, price or Fraction(0)), target)


def _write(folder: Folder, work: Callable[[int], _Winners], target: Path) -> int:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    if target.exists():
        refuse_overwriting(target, False)
        raise InputError("there is such a folder already", file=str(target))
    # Of each group the first winners go to the first requester, and so on.
    caps = folder.header.cap_limits
    ends = np.minimum(np.where(caps == UNLIMITED, folder.n, caps), folder.n).cumsum(axis=1)
    names = arrow.array(folder.header.requester_ids, type=arrow.string())
    filled = np.zeros(len(folder.limits), dtype=np.int64)
    try:
        draft = Path(tempfile.mkdtemp(dir=target.resolve().parent, prefix=f".{target.name[:100]}."))
    except OSError as error:
        raise InputError(f"cannot write: {error.strerror or error}", file=str(target)) from None
    try:
        for file, found in zip(folder.files, folder.each_file(work), strict=True):
            requesters = _placed(found.groups, filled, ends)
            columns = {"worker": found.ids, "requester": names.take(arrow.array(requesters)), **found.more}
            parquet.write_table(arrow.table(columns), draft / file.name, compression="zstd")
        umask = os.umask(0)
        os.umask(umask)
        draft.chmod(0o777 & ~umask)
        draft.rename(target)
    except OSError as error:
        raise InputError(f"cannot write: {error.strerror or error}", file=str(target)) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return int(filled.sum())


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
    """Say which requester takes each winner, when so many of each group are placed; counts them in."""
    found = np.empty(len(groups), dtype=np.int64)
    if not len(groups):
        return found
    order = np.argsort(groups, kind="stable")
    present, begins = np.unique(groups[order], return_index=True)
    for group, mine in zip(present.tolist(), np.split(order, begins[1:]), strict=True):
        ranks = filled[group] + np.arange(len(mine))
        found[mine] = np.searchsorted(ends[group], ranks, side="right")
        filled[group] += len(mine)
    return found
