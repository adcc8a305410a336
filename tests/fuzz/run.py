"""Hunt for inputs that a reader does not answer to: ``python tests/fuzz/run.py --seconds 60 [TARGET ...]``.

Each target has its seconds in a process of its own, so that a crash is a finding too. A finding is written to ``found-TARGET-N`` in the
current folder, to be put into the target's folder of ``tests/fuzz/corpus`` once it is mended; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import pickle
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LONGEST = 20.0
"""Seconds after which a single input is a finding: whatever is read is read or refused sooner."""


def hunt(name: str, seconds: float, seed: int) -> int:
    """Give a target inputs for so many seconds; print how many, and the first that fails."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    sys.path.insert(0, str(HERE))
    from targets import TARGETS

    target = TARGETS[name]
    inputs = target.inputs()
    tried = accepted = 0
    last: Any = None
    end = time.monotonic() + seconds

    def put(given_input: Any) -> None:
        nonlocal tried, accepted, last
        last = given_input
        if time.monotonic() > end + LONGEST:
            return
        tried += 1
        started = time.process_time()
        accepted += target.put(given_input)
        assert time.process_time() - started < LONGEST, "it takes too long"

    while time.monotonic() < end:
        test = given(inputs)(put)
        quiet = settings(
            max_examples=50,
            database=None,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
            phases=[Phase.generate, Phase.shrink],
        )
        try:
            seeded(seed)(quiet(test))()
        except BaseException:
            traceback.print_exc(limit=-4)
            print(
                f"{name}: {tried:,} inputs, {accepted:,} accepted; FAILS with seed {seed} on {_keep(name, last)}",
                flush=True,
            )
            return 1
        seed += 1
    print(f"{name}: {tried:,} inputs, {accepted:,} accepted, next seed {seed}", flush=True)
    return 0


def _keep(name: str, failing: Any) -> Path:
    data = (
        failing
        if isinstance(failing, bytes)
        else failing.encode("utf-8", "surrogatepass")
        if isinstance(failing, str)
        else pickle.dumps(failing)
    )
    number = 1
    while (path := Path(f"found-{name}-{number}")).exists():
        number += 1
    path.write_bytes(data)
    return path


def main() -> int:
    """Run the targets that are named, or all, one after the other."""
    sys.path.insert(0, str(HERE))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="*", help="all if left out")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--here", action="store_true", help="in this process: for a debugger")
    given = parser.parse_args()
    from targets import TARGETS

    names = given.target or list(TARGETS)
    if unknown := [name for name in names if name not in TARGETS]:
        parser.error(f"unknown target {unknown[0]}; there are {', '.join(TARGETS)}")
    if given.here:
        return max(hunt(name, given.seconds, given.seed) for name in names)
    worst = 0
    for name in names:
        command = [sys.executable, __file__, "--here", "--seconds", str(given.seconds), "--seed", str(given.seed), name]
        code = subprocess.run(command, check=False).returncode
        if code < 0:
            print(f"{name}: CRASHED with signal {-code}", flush=True)
        worst = max(worst, abs(code))
    return min(worst, 1)


if __name__ == "__main__":
    sys.exit(main())
