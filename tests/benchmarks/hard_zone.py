"""OPT-SEP where requesters have few slots each: which markets are closed, how, and how far the others are open.

    python tests/benchmarks/hard_zone.py                    n/m from 2 to 50, ten requesters, kinds a to d, 60 seconds each
    python tests/benchmarks/hard_zone.py --requesters 5 --seeds 1 2 --limit 20

Writes a Markdown table, line by line. Every market is that of ``fedmech generate --kind KIND -n N --requesters M --groups 10 --seed SEED``; ``value`` is its proved
optimum where the gap is 0, a checked bound is ``value + gap`` else. Seconds are processor seconds of search and check; the limit is wall time.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from fedmech import generate_market, solve

PER_REQUESTER = (2, 5, 10, 20, 30, 50)


def line(kind: str, n: int, m: int, seed: int, limit: float) -> str:
    """Solve one market; return its row of the table."""
    market = generate_market(kind, n, requesters=m, groups=10, seed=seed)
    slots = np.minimum(market.caps.sum(axis=0), market.seats)
    started = time.process_time()
    found = solve(market, "opt-sep", time_limit=limit, allow_suboptimal=True)
    seconds = time.process_time() - started
    assert found.value is not None
    assert found.bound is not None
    gap = found.bound - found.value
    way = found.proof.kind if found.proof is not None else found.exactness
    cells = [
        kind,
        n,
        m,
        seed,
        f"{slots.min()}-{slots.max()}",
        found.value,
        gap,
        f"{float(100 * gap / found.value):.4f} %" if found.value else "",
    ]
    return " | ".join(["", *map(str, cells), way, f"{seconds:.1f}", ""]).strip()


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requesters", type=int, nargs="+", default=[10])
    parser.add_argument("--per-requester", type=int, nargs="+", default=list(PER_REQUESTER))
    parser.add_argument("--kinds", default="abcd")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--limit", type=float, default=60.0)
    given = parser.parse_args()
    head = ["kind", "n", "m", "seed", "slots", "value", "gap", "", "proof", "CPU s"]
    print("| " + " | ".join(head) + " |")
    print("|---" * len(head) + "|")
    for m in given.requesters:
        for share in given.per_requester:
            for kind in given.kinds:
                for seed in given.seeds:
                    print(line(kind, share * m, m, seed, given.limit), flush=True)


if __name__ == "__main__":
    main()
