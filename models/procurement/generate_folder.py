"""Random markets larger than memory: a folder of Parquet files and the market file that names it."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..exact import exact_sum
from ..files import make_folder, write_whole
from ..input_error import InputError
from ..seeds import read_seed
from .file import FORMAT
from .folder import numbered_ids
from .generate import check_request, check_shares, scores_and_costs

__all__ = ["FILE_ROWS", "folder_name", "generate_folder"]

FILE_ROWS = 1_000_000
"""Rows of one file."""


def folder_name(name: str) -> bool:
    """Whether a name is that of a folder beside the market, and not of a file in it."""
    return not Path(name).suffix and Path(name).name == name


def generate_folder(
    path: Path,
    name: str,
    kind: str,
    n: int,
    *,
    requesters: int = 5,
    groups: int = 10,
    top: int = 10**6,
    cap_share: float = 0.3,
    budget_share: float = 0.5,
    seed: int = 0,
    numbered: bool = False,
) -> None:
    """Write a random market of one of the usual kinds, a file of workers at a time.

    Every file has its own random numbers, so that a market is not that of
    :func:`~fedmech.models.procurement.generate.generate_market` with the same seed. The budget is a share of what the best workers of
    the first file cost within their part of the caps, times the number of files.

    Parameters
    ----------
    path : Path
        The market file.
    name : str
        Of the folder beside it; made if it is not there, and then it must be empty.
    kind, n, requesters, groups, top, cap_share, budget_share, seed
        As :func:`~fedmech.models.procurement.generate.generate_market` takes them.
    numbered : bool
        Leave the column of ids out: readers call workers as they come.

    Raises
    ------
    InputError
        As there, and if it cannot be written.
    """
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise InputError("writing Parquet needs pyarrow; install fedmech[tables]") from None
    check_request(kind, n, requesters, groups, top)
    check_shares(cap_share, budget_share, None)
    folder = path.parent / name
    make_folder(folder)
    if any(folder.iterdir()):
        raise InputError("is not empty", file=str(folder))
    seed, sizes, budget = read_seed(seed), np.zeros(groups, dtype=np.int64), 0
    names = [str(group + 1) for group in range(groups)]
    # As differences, numbers take less than as they are or by dictionary, and are read more than twice as fast.
    how: dict[str, Any] = {
        "compression": "zstd",
        "use_dictionary": ["group"],
        "column_encoding": dict.fromkeys(("score", "cost"), "DELTA_BINARY_PACKED"),
    }
    width = len(str(-(-n // FILE_ROWS)))
    for at, begin in enumerate(range(0, n, FILE_ROWS)):
        count = min(FILE_ROWS, n - begin)
        rng = np.random.default_rng([seed, at])
        scores, costs = scores_and_costs(rng, kind, count, top)
        group_of = rng.integers(0, groups, size=count)
        sizes += np.bincount(group_of, minlength=groups)
        if not begin:
            best = [
                costs[mine[np.argsort(-scores[mine], kind="stable")[: int(len(mine) * Fraction(str(cap_share)))]]]
                for mine in (np.flatnonzero(group_of == group) for group in range(groups))
            ]
            budget = int(exact_sum(np.concatenate(best)) * Fraction(str(budget_share)) * Fraction(n, count))
        columns = {} if numbered else {"id": numbered_ids(begin, count)}
        columns |= {
            "group": arrow.DictionaryArray.from_arrays(arrow.array(group_of.astype(np.int32)), arrow.array(names)),
            "score": arrow.array(scores),
            "cost": arrow.array(costs),
        }
        try:
            parquet.write_table(arrow.table(columns), folder / f"workers-{at:0{width}}.parquet", **how)
        except OSError as error:
            raise InputError(f"cannot write: {error.strerror or error}", file=str(folder)) from None
    totals = [int(int(size) * Fraction(str(cap_share))) for size in sizes]
    document = {
        "format": FORMAT,
        "groups": names,
        "workers": name,
        "requesters": [
            {"id": f"r{j + 1}", "budget": budget // requesters + (j < budget % requesters)} for j in range(requesters)
        ],
        "caps": [
            {"group": group, "requester": f"r{j + 1}", "cap": total // requesters + (j < total % requesters)}
            for group, total in zip(names, totals, strict=True)
            for j in range(requesters)
        ],
    }
    write_whole(path, json.dumps(document) + "\n")
