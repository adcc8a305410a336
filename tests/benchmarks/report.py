"""All figures that this package is measured on, ours beside a reference in the same run: a Markdown table, a plot and a JSON file.

    python tests/benchmarks/report.py -o FOLDER                     all sections
    python tests/benchmarks/report.py -o FOLDER --sections caps files --largest 1e5
    python tests/benchmarks/report.py -o FOLDER --before OLD.json   says which ratios have grown by more than a fifth

Figures are processor seconds (of processes of their own too; wall time where clients are trained), the best of a few runs, and ratios of them: ratios travel between
machines, seconds do not. Other people's solvers are beside ours in `opt_tables.py`, `separate_and_cover.py` and `test_training.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import specialists
from fedmech import Market, generate_market, run, solve, write_market
from fedmech.solvers.proofs.proof import check_bound
from separate_and_cover import coverage_market
from test_seats_and_scan import scanned
from test_social_states import UTILITIES, draw_market

GROWN = 1.2
"""A ratio that grows by this factor is said."""

LONG = 2.0
"""Seconds of a run that is not repeated."""

LEAST_SECONDS = 0.02
"""What took less is not compared with former runs: it is mostly noise."""


@dataclass(frozen=True)
class Figure:
    """One line of the report: what we take, beside what it is measured against."""

    section: str
    name: str
    n: int
    ours: float
    beside: str
    theirs: float
    goal: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float:
        """Our seconds in units of the reference."""
        return self.ours / max(self.theirs, 1e-9)

    @property
    def key(self) -> str:
        """What makes it the same figure in two runs."""
        return f"{self.section} | {self.name} | {self.n}"


def spent() -> float:
    """Processor seconds of this process and of those it has waited for."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def fastest(work: Callable[[], Any], runs: int = 3) -> tuple[float, Any]:
    """Least processor seconds of a few runs after the first, unless that was long; and what the last returned."""
    least = float("inf")
    result = None
    for again in range(runs + 1):
        begun = spent()
        result = work()
        took = spent() - begun
        if again or took > LONG:
            least = min(least, took)
        if took > LONG:
            break
    return least, result


def argsort(n: int) -> float:
    """Seconds of sorting as many floats."""
    values = np.random.default_rng(0).random(n)
    return fastest(lambda: np.argsort(values), 5)[0]


def sizes(largest: int, *wanted: int) -> Iterator[int]:
    """Sizes up to the largest that was asked for."""
    return (n for n in wanted if n <= largest)


def proved(market: Any, problem: str = "opt", limit: float = 60.0) -> tuple[float, str]:
    """Seconds of one solve, its check included, and what came of it."""
    took, answer = fastest(lambda: solve(market, problem, time_limit=limit, allow_suboptimal=True))
    return took, f"{answer.status}, {answer.exactness}"


def caps(largest: int) -> Iterator[Figure]:
    """OPT with groups and caps, kinds a to d, check included (goals: 3 and 4 argsorts at a million)."""
    for n in sizes(largest, 10**4, 10**5, 10**6):
        for kind in "abcd":
            goal = None if n < 10**6 else 3 if kind in "ab" else 4
            took, note = proved(generate_market(kind, n, groups=20, seed=1))
            yield Figure("caps", f"OPT, kind {kind}", n, took, "argsort", argsort(n), goal, note)


def knapsack(largest: int) -> Iterator[Figure]:
    """One group without caps: the families of the specialists, check included."""
    for n in sizes(largest, 10**4, 10**5, 10**6):
        for family in specialists.SCORES:
            scores, costs, budget = specialists.drawn(family, n, 0)
            took, note = proved(Market.build(scores=scores, costs=costs, budgets=[budget]), limit=20)
            yield Figure("knapsack", family, n, took, "argsort", argsort(n), None, note)


def relaxations(largest: int) -> Iterator[Figure]:
    """ORP, OPT-FRAC and the scan of DriftPay-CO (goal: about one argsort without seats)."""
    for n in sizes(largest, 10**5, 10**6):
        market = generate_market("a", n, requesters=5, groups=10, seed=1)
        sort = argsort(n)
        for problem in ("orp", "opt-frac"):
            took, note = proved(market, problem)
            yield Figure("relaxations", problem, n, took, "argsort", sort, None, note)
        took, found = fastest(lambda market=market: scanned(market, int(market.scaled.total_budget)))
        yield Figure("relaxations", "critical prefix", n, took, "argsort", sort, 1.1, f"k* = {found.k:,}")
        took, _ = fastest(lambda market=market: run(market, "driftpay-co"))
        yield Figure("relaxations", "driftpay-co, payments and all", n, took, "argsort", sort)


def separate(largest: int) -> Iterator[Figure]:
    """OPT-SEP and COVER."""
    for n, requesters in ((100, 5), (200, 10), (10**4, 10), (10**5, 20)):
        if n <= largest:
            for kind in "ac":
                took, note = proved(generate_market(kind, n, requesters=requesters, groups=10, seed=1), "opt-sep")
                yield Figure(
                    "separate",
                    f"OPT-SEP, {requesters} requesters, kind {kind}",
                    n,
                    took,
                    "argsort",
                    argsort(n),
                    None,
                    note,
                )
    for n in sizes(largest, 200, 1000):
        took, note = proved(coverage_market("clusters", n, 40), "cover")
        yield Figure("separate", "COVER, clusters, 40 probes", n, took, "argsort", argsort(n), None, note)


def social(largest: int) -> Iterator[Figure]:
    """Social states of 100 types, and of populations to 2^40, check included (goal: 2 s)."""
    sort = argsort(10**6)
    for name, utility in UTILITIES.items():
        for types, clients in ((100, 10**6), (30, 2**40)):
            took, note = proved(draw_market(types, clients, utility), "social-state")
            yield Figure("social", f"{name}, {types} types", clients, took, "argsort of 1e6", sort, None, note)


def checks(largest: int) -> Iterator[Figure]:
    """The check of a bound (goal: an argsort at a million on kinds a to d)."""
    for n in sizes(largest, 10**5, 10**6):
        sort = argsort(n)
        for problem in ("orp", "opt", "opt-frac"):
            for kind in "abcd":
                market = generate_market(kind, n, requesters=3, groups=10, seed=1)
                proof = solve(market, problem, time_limit=60, allow_suboptimal=True).proof
                if proof is not None:
                    took, _ = fastest(lambda proof=proof, market=market: check_bound(proof, market))
                    yield Figure(
                        "checks",
                        f"{problem}, kind {kind}",
                        n,
                        took,
                        "argsort",
                        sort,
                        None if n < 10**6 else 1,
                        f"kind {proof.kind}",
                    )


def command(*words: str) -> None:
    """Run Python in a process of its own."""
    subprocess.run([sys.executable, *words], check=True, capture_output=True)


def files(largest: int) -> Iterator[Figure]:
    """From a file to the answer, in a process of its own, beside reading the table in one (goals: 3 for Parquet, 2 for CSV)."""
    readers = {
        "parquet": ("import pyarrow.parquet as p, sys; p.read_table(sys.argv[1])", 3.0),
        "csv": ("import pandas as p, sys; p.read_csv(sys.argv[1])", 2.0),
    }
    for n in sizes(largest, 10**5, 10**6):
        market = generate_market("a", n, groups=20, seed=1)
        with tempfile.TemporaryDirectory() as folder:
            for suffix, (reader, goal) in readers.items():
                path = Path(folder) / f"{suffix}.market.json"
                write_market(market, path, workers_file=f"workers.{suffix}")
                theirs, _ = fastest(
                    lambda suffix=suffix, reader=reader: command("-c", reader, str(Path(folder) / f"workers.{suffix}"))
                )
                took, _ = fastest(lambda path=path: command("-m", "fedmech", "solve", str(path), "--summary"))
                yield Figure("files", f"fedmech solve, {suffix}", n, took, "reading it", theirs, goal)


def first_use(largest: int) -> Iterator[Figure]:
    """The command line on small work, beside an interpreter that imports numpy."""
    bare, _ = fastest(lambda: command("-c", "import numpy"))
    for words in (["--help"], ["--version"], ["solve", "--summary"], ["compare"]):
        took, _ = fastest(lambda words=words: command("-m", "fedmech", *words))
        yield Figure("first use", f"fedmech {' '.join(words)}", 1, took, "import numpy", bare)


def training(largest: int) -> Iterator[Figure]:
    """200 clients at once beside client by client."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
    from test_training import measure

    for name in ("softmax", "mlp", "cnn"):
        found = measure(name, "fedavg", "8 of 8-40 samples", repeats=1)
        yield Figure("training", f"{name}, 200 clients", 200, found.batched, "client by client", found.loop)


SECTIONS: dict[str, Callable[[int], Iterator[Figure]]] = {
    "caps": caps,
    "knapsack": knapsack,
    "relaxations": relaxations,
    "separate": separate,
    "social": social,
    "checks": checks,
    "files": files,
    "first-use": first_use,
    "training": training,
}


def markdown(figures: list[Figure]) -> str:
    """Return one table a section."""
    lines = [f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores; processor seconds", ""]
    for section in dict.fromkeys(figure.section for figure in figures):
        lines += [
            f"## {section}",
            "",
            "| | n | ours, s | beside | s | ratio | goal | |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for figure in figures:
            if figure.section == section:
                goal = (
                    ""
                    if figure.goal is None
                    else f"{figure.goal:g} {'met' if figure.ratio <= figure.goal else '**missed**'}"
                )
                lines.append(
                    f"| {figure.name} | {figure.n:,} | {figure.ours:.4f} | {figure.beside} | {figure.theirs:.4f} "
                    f"| {figure.ratio:.2f} | {goal} | {figure.note} |"
                )
        lines.append("")
    return "\n".join(lines)


def plot(figures: list[Figure], path: Path) -> None:
    """Draw seconds against n, one line for each figure that was taken at several sizes, and the sort beside them."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    drawn, axes = plt.subplots(figsize=(7, 5))
    for section, name in dict.fromkeys((figure.section, figure.name) for figure in figures):
        points = sorted((f.n, f.ours) for f in figures if (f.section, f.name) == (section, name))
        if len(points) > 1:
            axes.loglog(*zip(*points, strict=True), marker="o", label=f"{section}: {name}")
    sorts = sorted({(f.n, f.theirs) for f in figures if f.beside == "argsort"})
    if sorts:
        axes.loglog(*zip(*sorts, strict=True), color="black", linestyle=":", label="argsort")
    axes.set(xlabel="workers", ylabel="processor seconds")
    axes.legend(fontsize=5, ncols=2, loc="upper left", bbox_to_anchor=(0, -0.12))
    drawn.savefig(path, bbox_inches="tight")


def grown(figures: list[Figure], before: list[dict[str, Any]]) -> list[str]:
    """Say which ratios are worse than in a former run, and which proofs are gone."""
    known = {figure.key: figure for figure in (Figure(**entry) for entry in before)}
    said = []
    for figure in figures:
        old = known.get(figure.key)
        if old is None:
            continue
        if max(old.ours, figure.ours) >= LEAST_SECONDS and figure.ratio > GROWN * old.ratio:
            said.append(f"{figure.key}: {old.ratio:.2f} -> {figure.ratio:.2f} times {figure.beside}")
        if "checked" in old.note and "checked" not in figure.note:
            said.append(f"{figure.key}: was {old.note}, is {figure.note}")
    return said


def main() -> None:
    """Measure, write, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="folder for report.md, report.json and report.svg"
    )
    parser.add_argument("--sections", nargs="*", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--largest", type=float, default=1e6, help="workers of the largest market")
    parser.add_argument("--before", type=Path, help="report.json of a former run")
    chosen = parser.parse_args()
    before = json.loads(chosen.before.read_text()) if chosen.before else []
    figures: list[Figure] = []
    begun = time.perf_counter()
    try:
        for name in chosen.sections:
            for figure in SECTIONS[name](int(chosen.largest)):
                figures.append(figure)
                print(
                    f"{figure.key}: {figure.ours:.4f} s, {figure.ratio:.2f} x {figure.beside} {figure.note}", flush=True
                )
    except KeyboardInterrupt:
        print("interrupted; what was measured is written")
    chosen.output.mkdir(parents=True, exist_ok=True)
    (chosen.output / "report.md").write_text(markdown(figures), encoding="utf-8")
    (chosen.output / "report.json").write_text(json.dumps([asdict(f) for f in figures], indent=1), encoding="utf-8")
    plot(figures, chosen.output / "report.svg")
    print(f"{len(figures)} figures in {time.perf_counter() - begun:.0f} s, in {chosen.output}")
    for line in grown(figures, before):
        print(f"GROWN {line}")


if __name__ == "__main__":
    main()
