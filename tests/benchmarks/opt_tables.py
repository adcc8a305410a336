"""OPT without seats: the tables of time, ratio to argsort, memory, core and proof, beside general solvers.

    python tests/benchmarks/opt_tables.py                      kinds a-d at 1e3..1e7, then the hard families at 1e5
    python tests/benchmarks/opt_tables.py --peers highs cpsat scip exact combo literal --peer-python PATH
    python tests/benchmarks/opt_tables.py --plot time.png      time against n

Every solver runs in a process of its own, on the same file, and is measured by processor time.  Peers see at most ``--peer-most`` workers.
`README.md` says how one gets them; an interpreter for those that are elsewhere is named by ``--peer-python``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from pooled_families import FAMILIES  # noqa: E402

KINDS = ("a", "b", "c", "d")


def run(python: str, solver: str, file: Path, limit: float) -> dict:
    """Run one solver on one file; an empty answer if it fails or does not stop."""
    command = [python, str(HERE / "opt_peers.py"), solver, str(file), str(limit)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=3 * limit + 60, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return {}
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="*", type=float, default=[1e3, 1e4, 1e5, 1e6, 1e7])
    parser.add_argument("--hard", nargs="*", type=float, default=[1e5], help="sizes for the hard families")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument(
        "--peers", nargs="*", default=[], choices=["highs", "cpsat", "scip", "exact", "combo", "literal"]
    )
    parser.add_argument("--peer-most", type=float, default=1e4)
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter for cpsat, scip and exact")
    parser.add_argument("--limit", type=float, default=40, help="seconds")
    parser.add_argument("--plot", type=Path)
    chosen = parser.parse_args()
    rows = [(name, int(n)) for n in chosen.sizes for name in KINDS]
    rows += [(name, int(n)) for n in chosen.hard for name in FAMILIES if name not in KINDS]
    print(
        f"{'family':30}{'n':>9}{'seconds':>9}{'x argsort':>10}{'first':>8}{'MiB':>6}{'core':>6}{'leaves':>7}  proved",
        end="",
    )
    print("".join(f"{peer:>20}" for peer in chosen.peers))
    points: dict[str, list[tuple[int, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, n in rows:
            for seed in range(chosen.seeds):
                problem = FAMILIES[name](n, seed)
                file = Path(folder) / "problem.npz"
                np.savez(
                    file,
                    v=problem.scores,
                    c=problem.costs,
                    g=problem.groups,
                    k=np.array(problem.limits),
                    b=np.array(str(problem.budget)),
                )
                mine = run(sys.executable, "ours", file, chosen.limit)
                if not mine:
                    print(f"{name:30}{n:9} failed")
                    continue
                print(
                    f"{name:30}{n:9}{mine['seconds']:9.4f}{mine['seconds'] / mine['argsort']:10.2f}{mine['first']:8.3f}"
                    f"{mine['memory']:6.0f}{mine['core']:6}{mine['leaves']:7}  {'yes' if mine['proved'] else 'NO':6}",
                    end="",
                )
                points.setdefault(name, []).append((n, mine["seconds"]))
                for peer in chosen.peers if n <= chosen.peer_most else []:
                    python = chosen.peer_python if peer in ("cpsat", "scip", "exact") else sys.executable
                    other = run(python, peer, file, chosen.limit)
                    word = "failed" if not other else f"{other['seconds']:.3f}" if other["proved"] else "not proved"
                    if other and other["proved"] and mine["proved"] and other["value"] != mine["value"]:
                        word += f" WRONG {other['value'] - mine['value']:+}"
                    print(f"{word:>20}", end="", flush=True)
                print(flush=True)
    if chosen.plot is not None:
        plot(points, chosen.plot)


def plot(points: dict[str, list[tuple[int, float]]], path: Path) -> None:
    """Draw time against n for the kinds measured at more than one size."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4))
    for name, pairs in points.items():
        if len(pairs) > 1:
            axes.loglog(*zip(*sorted(pairs), strict=True), marker="o", label=name)
    axes.set(xlabel="workers", ylabel="seconds to a proved optimum", title="OPT without seats")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
