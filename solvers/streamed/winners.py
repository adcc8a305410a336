"""Who is hired by whom, written file by file: no more ids are in memory than those of a few files."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.files import refuse_overwriting
from ...models.input_error import InputError
from ...models.procurement.columns import UNLIMITED
from ...models.procurement.folder import Folder, marked

__all__ = ["write_winners"]


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
        for file, (ids, groups) in zip(
            folder.files, folder.each_file(lambda at: _winners(folder, at, chosen[at])), strict=True
        ):
            requesters = _placed(groups, filled, ends)
            columns = {"worker": ids, "requester": names.take(arrow.array(requesters))}
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


def _winners(folder: Folder, at: int, bits: NDArray[np.uint8]) -> tuple[Any, NDArray[np.int64]]:
    """Return ids, as texts, and groups of the winners of one file."""
    import pyarrow as arrow

    begin, ids, groups = 0, [], []
    for names, homes in folder.names(at):
        index = marked(bits, begin, len(names))
        column = names.take(arrow.array(index))
        if column.null_count:
            first = begin + int(index[int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])])
            raise InputError("missing", row=f"workers[{first}]", field="id", file=str(folder.files[at]))
        ids.append(column.cast(arrow.string()))
        groups.append(homes[index])
        begin += len(names)
    return arrow.chunked_array(ids, type=arrow.string()), np.concatenate([np.zeros(0, dtype=np.int64), *groups])


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
