"""Theorems about the ledger's claims that Coq checks, where ``coqc`` is installed.

The files say themselves which claims a theorem is about: the first line of the comment before it. Everything is compiled in a temporary folder, and each
theorem has to be closed under the global context: no axiom, nothing admitted, no check switched off.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = [
    "Checked",
    "Refused",
    "Theorem",
    "check",
    "compiled",
    "coqc_path",
    "counted",
    "sources",
    "theorems",
    "theorems_of",
]

SECONDS = 120
"""For one file; they take one or two."""
CLOSED = "Closed under the global context"
ABOUT = re.compile(r"\(\*\*((?:(?!\*\)).)*)\*\)\s*Theorem (\w+)\s*:\s*(.*?)\.\s*Proof\.", re.DOTALL)
IDS = re.compile(r"[A-Z]-[\w.-]+(?: [A-Z]-[\w.-]+)*")
IMPORTS = re.compile(r"From Fedmech Require (?:Export|Import) ([\w ]+)\.")


class Refused(AssertionError):
    """Coq does not accept a file, or a theorem rests on more than what is proved."""


@dataclass(frozen=True)
class Theorem:
    """A theorem of the files.

    Attributes
    ----------
    file, name : str
    claims : tuple of str
        Ids of the claims that it is about; none for what other theorems rest on.
    says : str
        In words.
    statement : str
        As the file has it; what its section assumes stands there.
    """

    file: str
    name: str
    claims: tuple[str, ...]
    says: str
    statement: str

    def __str__(self) -> str:
        return f"{self.file}.{self.name}"


@dataclass(frozen=True)
class Checked:
    """What was checked.

    Attributes
    ----------
    version : str
    theorems : tuple of Theorem
        Each closed under the global context.
    seconds : mapping file -> float
    """

    version: str
    theorems: tuple[Theorem, ...]
    seconds: Mapping[str, float]

    def __str__(self) -> str:
        about = {claim for theorem in self.theorems for claim in theorem.claims}
        return (
            f"Coq {self.version}: {counted(self.theorems, 'theorem')} about {counted(about, 'claim')}, no axioms;"
            f" {counted(self.seconds, 'file')}, {sum(self.seconds.values()):.1f} s"
        )


def counted(things: Collection[object], name: str) -> str:
    """Return how many there are of something, with its name."""
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


@cache
def sources() -> dict[str, str]:
    """Return the files by name, each after those that it imports."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.v"))}
    ordered: dict[str, str] = {}

    def add(name: str) -> None:
        if name not in ordered:
            for other in imports(texts[name]):
                add(other)
            ordered[name] = texts[name]

    for name in texts:
        add(name)
    return ordered


def imports(text: str) -> list[str]:
    """Return the names of the files that a file imports."""
    return [name for names in IMPORTS.findall(text) for name in names.split()]


@cache
def theorems() -> tuple[Theorem, ...]:
    """Return all theorems, in the order of the files."""
    found = []
    for file, text in sources().items():
        for comment, name, statement in ABOUT.findall(text):
            first, _, more = comment.strip().partition("\n")
            ids = tuple(first.split()) if IDS.fullmatch(first.strip()) else ()
            words = more if ids else comment
            found.append(Theorem(file, name, ids, " ".join(words.split()), " ".join(statement.split())))
    return tuple(found)


def theorems_of(claim: str) -> tuple[Theorem, ...]:
    """Return the theorems about a claim."""
    return tuple(theorem for theorem in theorems() if claim in theorem.claims)


def coqc_path() -> str | None:
    """Return where the compiler of Coq is, if it is installed."""
    return shutil.which("coqc")


def check(
    wanted: Iterable[Theorem] | None = None,
    *,
    texts: Mapping[str, str] | None = None,
    report: Callable[[str], None] | None = None,
) -> Checked:
    """Have theorems checked, all of them if none is named, with every file that they rest on.

    Parameters
    ----------
    wanted : iterable of Theorem, optional
    texts : mapping file -> text, optional
        In the place of the files that are there, each after those that it imports.
    report : callable, optional
        Told what is being done.

    Raises
    ------
    Refused
        If a file does not compile in time, or a theorem rests on axioms.
    FileNotFoundError
        If ``coqc`` is not installed.
    """
    known = sources() if texts is None else texts
    chosen = theorems() if wanted is None else tuple(wanted)
    needed = _needed({theorem.file for theorem in chosen}, known)
    seconds: dict[str, float] = {}
    with TemporaryDirectory(prefix="fedmech-coq-") as folder:
        place = Path(folder)
        for name, text in known.items():
            if name in needed:
                if report is not None:
                    report(f"Coq reads {name}.v ({len(seconds) + 1} of {len(needed)})")
                started = time.perf_counter()
                compiled(place, name, text)
                seconds[name] = time.perf_counter() - started
        for theorem, answer in zip(chosen, _assumptions(place, chosen), strict=True):
            if answer != CLOSED:
                raise Refused(f"{theorem} rests on more than what is proved: {answer}")
    return Checked(version(), chosen, seconds)


def _needed(files: set[str], known: Mapping[str, str]) -> set[str]:
    needed, stack = set(), sorted(files)
    while stack:
        name = stack.pop()
        if name not in needed:
            needed.add(name)
            stack += imports(known[name])
    return needed


def _assumptions(place: Path, chosen: tuple[Theorem, ...]) -> list[str]:
    """Return what Coq says of each theorem's assumptions."""
    lines = [f"From Fedmech Require {file}." for file in dict.fromkeys(theorem.file for theorem in chosen)]
    # Between two answers stands a mark that no answer contains.
    lines += [f'Print Assumptions Fedmech.{theorem}. Eval compute in "mark"%string.' for theorem in chosen]
    said = compiled(place, "Assumptions", "\n".join(["From Coq Require Import String.", *lines]))
    return [" ".join(part.split()) for part in re.split(r'\s*= "mark"%string\s*: string\s*', said)[:-1]]


def compiled(place: Path, name: str, text: str) -> str:
    """Compile a file in a folder that holds those it imports, and return what Coq prints.

    Raises
    ------
    Refused
        If Coq refuses it, or is not done after :data:`SECONDS`.
    FileNotFoundError
        If ``coqc`` is not installed.
    """
    coqc = coqc_path()
    if coqc is None:
        raise FileNotFoundError("coqc is not installed")
    file = place / f"{name}.v"
    file.write_text(text, encoding="utf-8")
    command = [coqc, "-q", "-Q", str(place), "Fedmech", str(file)]
    try:
        # Nothing of the user's: neither a start-up file (-q) nor another folder's files.
        run = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Refused(f"{name}.v: not done after {SECONDS} s") from None
    if run.returncode:
        raise Refused(f"{name}.v: {' '.join(run.stderr.replace(str(file), '').split())}")
    return run.stdout


@cache
def version() -> str:
    """Return the version of Coq that is installed."""
    coqc = coqc_path()
    if coqc is None:
        raise FileNotFoundError("coqc is not installed")
    said = subprocess.run([coqc, "--print-version"], capture_output=True, text=True, timeout=SECONDS, check=False)
    return said.stdout.split()[0] if said.stdout else "of an unknown version"
