"""The ledger: every claim, judged again on request, beside the verdict on record.

Claims register themselves with :func:`claim`; the modules of :mod:`fedmech.verification.claims` are imported when the
ledger is first read, so adding a claim means adding a file there.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .claim import (
    Claim,
    Judge,
    Judgement,
    Recheck,
    Verdict,
)

_CLAIMS: dict[str, Claim] = {}


class UnknownClaim(KeyError):
    """No claim has this id; the message lists the nearest ones."""

    def __str__(self) -> str:
        return str(self.args[0])


def claim(
    id: str, *, source: str, statement: str, expected: Verdict, recheck: Recheck | None = None
) -> Callable[[Judge], Judge]:
    """Register the decorated function as the judge of a claim.

    Parameters
    ----------
    id, source, statement, expected, recheck
        As in :class:`~fedmech.verification.claim.Claim`.

    Raises
    ------
    ValueError
        If the id is taken by another judge.
    """

    def register(judge: Judge) -> Judge:
        taken = _CLAIMS.get(id)
        if taken is not None and taken.judge.__qualname__ != judge.__qualname__:
            raise ValueError(f"two claims are called {id}")
        _CLAIMS[id] = Claim(id, source, statement, expected, judge, recheck)
        return judge

    return register


def claims() -> dict[str, Claim]:
    """All registered claims, by id, in a stable order."""
    package = importlib.import_module(".claims", __package__)
    for module in sorted(info.name for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")):
        importlib.import_module(module)
    return dict(sorted(_CLAIMS.items()))


@dataclass(frozen=True)
class Entry:
    """One line of the ledger: the claim, its judgement, and whether they agree.

    ``rechecked`` is ``None`` where there is no witness, else what the independent re-check said.
    """

    claim: Claim
    judgement: Judgement
    rechecked: bool | None
    seconds: float

    @property
    def agrees(self) -> bool:
        """Whether the verdict is the one on record and its witness, if any, survived the re-check."""
        return self.judgement.verdict == self.claim.expected and self.rechecked is not False

    def to_dict(self) -> dict[str, Any]:
        """The entry as plain data for JSON."""
        judgement = self.judgement
        return {
            "id": self.claim.id,
            "source": self.claim.source,
            "statement": self.claim.statement,
            "verdict": judgement.verdict,
            "expected": self.claim.expected,
            "agrees": self.agrees,
            "method": judgement.method,
            "scope": judgement.scope,
            "witness": judgement.witness,
            "rechecked": self.rechecked,
            "assumption": judgement.assumption,
            "assumption_verdict": judgement.assumption_verdict,
            "corrected": judgement.corrected,
            "corrected_verdict": judgement.corrected_verdict,
            "evidence": judgement.evidence,
            "seconds": round(self.seconds, 3),
        }


def judge(claim: Claim) -> Entry:
    """Judge one claim now, and re-check its witness from the document alone.

    The witness goes through JSON on its way to the re-check, so that what is checked is what a file would hold.
    """
    started = time.perf_counter()
    judgement = claim.judge()
    rechecked: bool | None = None
    if judgement.witness is not None:
        document: Mapping[str, Any] = json.loads(json.dumps(judgement.witness))
        rechecked = claim.recheck is not None and bool(claim.recheck(document))
    return Entry(claim, judgement, rechecked, time.perf_counter() - started)


def select(ids: Iterable[str] = ()) -> list[Claim]:
    """The claims asked for, in ledger order; all of them if none is named.

    An id that ends in ``*`` stands for every claim that begins so.

    Raises
    ------
    UnknownClaim
        If an id or prefix matches nothing.
    """
    known = claims()
    wanted: set[str] = set()
    for id in ids:
        matches = {name for name in known if name.startswith(id[:-1])} if id.endswith("*") else {id} & known.keys()
        if not matches:
            raise UnknownClaim(f"no claim is called {id}; the claims are {', '.join(known)}")
        wanted |= matches
    return [entry for name, entry in known.items() if not wanted or name in wanted]


def verify(ids: Iterable[str] = ()) -> Iterator[Entry]:
    """Judge the claims asked for, one at a time, yielding each entry as it is reached."""
    for entry in select(ids):
        yield judge(entry)
