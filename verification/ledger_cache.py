"""Verdicts of earlier runs, kept in the user's cache folder, good for as long as nothing has changed that they could depend on.

A verdict is found again only under a key made of every source and data file of the rooms that judges can reach, and of the versions of Python and of the
libraries that they use. Only verdicts as on record are kept, one file a claim; a file that is damaged in any way is as good as none.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..models.files import replace_file
from .claim import Claim, Judgement, Reading
from .ledger import Entry, judge_all
from .proofs.chain import Held

__all__ = ["VARIABLE", "cache_folder", "fingerprint", "judge_or_recall", "keep", "recall"]

VARIABLE = "FEDMECH_CACHE"
"""The environment variable that names another folder, or none: then nothing is kept."""
FORMAT = "fedmech-verdict/1"
ROOMS = ("models", "solvers", "fl", "verification")
SUFFIXES = (".py", ".json", ".toml", ".v")
LIBRARIES = ("numpy", "scipy", "sympy", "z3-solver", "pyomo", "highspy", "networkx", "numba", "cvxpy", "pandas")


def cache_folder() -> Path | None:
    """Return the folder of verdicts where this platform keeps what can be made again; ``None`` if nothing is to be kept."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        asked = Path(os.environ.get("XDG_CACHE_HOME") or "")
        # The specification has relative paths ignored.
        base = asked if asked.is_absolute() else home / ".cache"
    return base / "fedmech" / "verdicts"


def digest_of(root: Path) -> str:
    """Return a hash of every file that a judge can reach, by its path and content."""
    paths = [path for path in root.glob("*.py") if path.is_file()]
    paths += [path for room in ROOMS for path in (root / room).rglob("*") if path.suffix in SUFFIXES and path.is_file()]
    whole = hashlib.sha256()
    for path in sorted(paths):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return whole.hexdigest()


def versions() -> list[str]:
    """Return what runs the judges: Python, the machine, the libraries that are installed."""
    found = [f"{platform.python_implementation()} {platform.python_version()}", platform.machine()]
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    return found


@cache
def fingerprint() -> str:
    """Return the key under which verdicts of this package, as it is installed here, are kept."""
    parts = [FORMAT, digest_of(Path(__file__).resolve().parents[1]), *versions()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _place(folder: Path, claim: Claim) -> Path:
    return folder / f"{claim.id}.json"


def _seal(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def keep(entry: Entry, folder: Path, key: str) -> bool:
    """Write a verdict down, whole or not at all, if it is as on record; return whether it was written."""
    if not entry.agrees or entry.earlier is not None:
        return False
    body = {
        "format": FORMAT,
        "claim": entry.claim.id,
        "key": key,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "judgement": asdict(entry.judgement),
        "rechecked": entry.rechecked,
        "seconds": entry.seconds,
        "held": None if entry.held is None else asdict(entry.held),
    }
    try:
        # As a file would hold it: what JSON cannot say is not kept.
        body = json.loads(json.dumps(body, allow_nan=False))
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(_place(folder, entry.claim), json.dumps({**body, "seal": _seal(body)}).encode())
    except (OSError, TypeError, ValueError):
        return False
    return True


def recall(claim: Claim, folder: Path, key: str) -> Entry | None:
    """Return the verdict that an earlier run kept under this key; ``None`` if there is none, or it is damaged."""
    try:
        body = json.loads(_place(folder, claim).read_bytes())
        seal = body.pop("seal")
        if seal != _seal(body) or (body["format"], body["claim"], body["key"]) != (FORMAT, claim.id, key):
            return None
        judgement = Judgement(**body["judgement"])
        if judgement.reading is not None:
            judgement = replace(judgement, reading=Reading(**body["judgement"]["reading"]))
        held = None if body["held"] is None else Held(**body["held"])
        entry = Entry(claim, judgement, body["rechecked"], body["seconds"], held, earlier=body["time"])
    except (OSError, AttributeError, LookupError, TypeError, ValueError, RecursionError):
        return None
    return entry if entry.agrees else None


def judge_or_recall(chosen: Sequence[Claim], jobs: int = 1, *, fresh: bool = False) -> Iterator[Entry]:
    """Judge claims in their order, `jobs` at a time, but for those that an earlier run of the same sources and versions has judged.

    Parameters
    ----------
    chosen : sequence of Claim
    jobs : int
    fresh : bool
        Whether all are judged now; what is found is kept all the same.
    """
    folder = cache_folder()
    key = "" if folder is None else fingerprint()
    known = {}
    if folder is not None and not fresh:
        known = {claim.id: entry for claim in chosen if (entry := recall(claim, folder, key)) is not None}
    judging = judge_all([claim for claim in chosen if claim.id not in known], jobs)
    for claim in chosen:
        entry = known.get(claim.id) or next(judging)
        if folder is not None:
            keep(entry, folder, key)
        yield entry
