"""Certificates for other people's checkers: how large they are, how long they take, and what the real checkers say.

    python tests/benchmarks/proofs_for_others.py [--viprchk PROGRAM] [--veripb PROGRAM [--dialect 1.2]] [--sizes 100,1000]

Every optimum is written in both formats; where a checker is named it has to accept the certificate, and to refuse it with a bound
that is one better than the optimum. A Markdown table goes to standard output; it ends with 1 if a checker says otherwise.
`docs/proofs-for-others.md` says how one gets the checkers.
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fedmech import generate_market, solve, write_proof
from fedmech.solvers.control import Stopped
from fedmech.solvers.interchange.branching import NoDerivationError

SECONDS = 300.0
"""For one derivation, and for one check."""


def checked(command: list[str]) -> tuple[bool, float]:
    """Whether a checker accepts, and its processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False, SECONDS
    good = done.returncode == 0 and bool(
        re.search(r"[Ss]uccessfully verified|Verification succeeded|s VERIFIED", done.stdout)
    )
    return good, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def in_dialect(proof: str, dialect: str) -> str:
    """Write a proof as the VeriPB of 2022 read it: other words for what logs a point and what concludes."""
    if dialect == "2.0":
        return proof
    lines = proof.splitlines()
    number = lines[-2].split()[4]
    lines = ["pseudo-Boolean proof version 1.2", *lines[1:-3], f"c {number}"]
    return "\n".join("o" + line[4:] if line.startswith("soli") else line for line in lines) + "\n"


def forged(text: str) -> str:
    """Claim one more than the optimum, wherever a certificate says it; a proof of pseudo-Boolean form loses its last derivation."""
    found = re.search(r"^RTP range (\d+) (\d+)$", text, re.MULTILINE)
    if found is None:
        lines = text.splitlines()
        del lines[max(at for at, line in enumerate(lines) if line.startswith("rup"))]
        return "\n".join(lines) + "\n"
    return text.replace(found[0], f"RTP range {found[1]} {int(found[2]) - 1}", 1).replace(
        found[0], f"RTP range {int(found[1]) - 1} {int(found[2]) - 1}"
    )


def main() -> int:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--viprchk")
    options.add_argument("--veripb")
    options.add_argument("--dialect", choices=("2.0", "1.2"), default="2.0")
    options.add_argument("--sizes", default="100,1000")
    options.add_argument("--kinds", default="abcd")
    options.add_argument("--problems", default="orp,opt,opt-sep")
    given = options.parse_args()
    print("| problem | kind | workers | proof | leaves | write, s | vipr | opb | pbp | viprchk, s | VeriPB, s |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vipr, model, proof, bad = (folder / file for file in ("a.vipr", "a.opb", "a.pbp", "bad"))
        for problem in given.problems.split(","):
            for size in map(int, given.sizes.split(",")):
                for kind in given.kinds:
                    solution = solve(generate_market(kind, size, seed=1), problem, allow_suboptimal=True)
                    row = f"| {problem} | {kind} | {size:,} | {solution.proof.kind if solution.proof else '-'} |"
                    start = time.process_time()
                    try:
                        write_proof(solution, vipr, time_limit=SECONDS)
                        write_proof(solution, model, time_limit=SECONDS)
                    except (NoDerivationError, Stopped) as error:
                        print(f"{row} refused: {error} | {time.process_time() - start:.1f} | | | | | |", flush=True)
                        continue
                    spent = (time.process_time() - start) / 2
                    sizes = [file.stat().st_size / size for file in (vipr, model, proof)]
                    text = vipr.read_text()
                    row += f" {max(1, text.count(' uns '))} | {spent:.2f} |" + "".join(f" {x:.0f} |" for x in sizes)
                    proof.write_text(in_dialect(proof.read_text(), given.dialect))
                    for checker, files, forgery in (
                        (given.viprchk, [vipr], [bad]),
                        (given.veripb, [model, proof], [model, bad]),
                    ):
                        if not checker:
                            row += " |"
                            continue
                        good, seconds = checked([*checker.split(), *map(str, files)])
                        bad.write_text(forged(files[-1].read_text()))
                        refused = not checked([*checker.split(), *map(str, forgery)])[0]
                        wrong += not (good and refused)
                        row += f" {seconds:.2f}{'' if good else ' REFUSED'}{'' if refused else ' FORGERY ACCEPTED'} |"
                    print(row, flush=True)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
