"""Markets as folders of Parquet files, cut up as unkindly as files can be."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def write_folder(
    root: Path,
    columns: Mapping[str, Sequence[Any] | np.ndarray | pa.Array],
    market: Mapping[str, Any],
    cuts: Sequence[int] = (),
    row_group: int = 1000,
) -> Path:
    """Write workers to ``root/workers``, a file between two cuts, and the market file; return the latter's path."""
    folder = root / "workers"
    folder.mkdir(parents=True)
    texts = {name: pa.array([str(x) for x in columns[name]], type=pa.string()) for name in ("id", "group")}
    table = pa.table({**columns, **texts})
    ends = [0, *cuts, table.num_rows]
    for at, (begin, end) in enumerate(pairwise(ends)):
        pq.write_table(table.slice(begin, end - begin), folder / f"part-{at}.parquet", row_group_size=row_group)
    path = root / "m.market.json"
    path.write_text(json.dumps({"format": "fedmech-market/1", "workers": "workers", **market}))
    return path


def random_folder(root: Path, seed: int) -> Path:
    """Write a small market of some kind: ties, groups of very different sizes, rows in order, empty files, no money, caps of 0."""
    rng = np.random.default_rng(seed)
    kind, top = rng.choice(list("abcd")), int(rng.choice([3, 50, 1000, 10**5, 2**40]))
    n, groups, requesters = (
        int(rng.choice([1, 5, 40, 200, 400])),
        int(rng.choice([1, 2, 5, 12])),
        int(rng.integers(1, 4)),
    )
    # Numbers that long make some markets of more workers hard for any search.
    top = min(top, 10**5) if n > 40 else top
    costs, spread = rng.integers(1, top + 1, n), max(1, top // 10)
    scores = {
        "a": rng.integers(1, top + 1, n),
        "b": np.maximum(1, costs + rng.integers(-spread, spread + 1, n)),
        "c": costs + spread,
        "d": costs.copy(),
    }[kind]
    if rng.random() < 0.15:
        costs = np.where(rng.random(n) < 0.2, 0, costs)
    weights = np.ones(groups) if rng.random() < 0.5 else 1 / np.arange(1, groups + 1) ** 2
    group_of = rng.choice(groups, n, p=weights / weights.sum())
    if rng.random() < 0.4:
        order = np.argsort([scores, costs, group_of][rng.choice(3)], kind="stable")
        scores, costs, group_of = scores[order], costs[order], group_of[order]
    share = rng.choice([0.1, 0.3, 0.6, 1.0])
    budget = int(costs.sum() * rng.choice([0, 0.02, 0.1, 0.3, 0.9])) if rng.random() < 0.9 else int(costs.max()) // 2
    caps = [
        {"group": f"g{group}", "requester": f"r{j}", "cap": int(size * share / requesters) if rng.random() > 0.1 else 0}
        for group, size in enumerate(np.bincount(group_of, minlength=groups).tolist())
        for j in range(requesters)
        if rng.random() < 0.95
    ]
    market = {
        "groups": [f"g{group}" for group in range(groups)],
        "requesters": [{"id": f"r{j}", "budget": budget // requesters} for j in range(requesters)],
        "caps": caps,
        "default_cap": int(rng.integers(0, 3)) if rng.random() < 0.8 else None,
    }
    numbers = pa.array(scores).cast(pa.decimal128(30, 0)) if rng.random() < 0.3 else scores
    columns = {"id": [f"w{i}" for i in range(n)], "group": [f"g{g}" for g in group_of], "score": numbers, "cost": costs}
    cuts = np.sort(rng.integers(0, n + 1, int(rng.integers(0, 5)))).tolist()
    return write_folder(root, columns, market, cuts, int(rng.choice([3, 17, 100, 10_000])))
