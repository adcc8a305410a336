"""The ledger: every claim, judged again on request, beside the verdict on record.

Claims register themselves with :func:`claim`; the modules of :mod:`fedmech.verification.claims` are imported when the
ledger is first read, so adding a claim means adding a file there.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from ..models.display import Page, Readable
from ..models.names import nearest_name
from .claim import Claim, Judge, Judgement, Recheck, Verdict
from .formal.coq import theorems_of
from .ledger_text import claims_frame, claims_page, entries_frame, entries_page
from .proofs.chain import Held, Proof, ProofError

if TYPE_CHECKING:
    import pandas as pd

_CLAIMS: dict[str, Claim] = {}


class UnknownClaim(KeyError):
    """No claim has this id; the message lists the nearest ones."""

    def __str__(self) -> str:
        return str(self.args[0])


def claim(
    id: str,
    *,
    source: str,
    statement: str,
    expected: Verdict,
    recheck: Recheck | None = None,
    proof: Proof | tuple[Proof, ...] = (),
    amended: Verdict | None = None,
) -> Callable[[Judge], Judge]:
    """Register the decorated function as the judge of a claim.

    Parameters
    ----------
    id, source, statement, expected, recheck, amended
        As in :class:`~fedmech.verification.claim.Claim`.
    proof : Proof or tuple of Proof
        What the statement rests on.

    Raises
    ------
    ValueError
        If the id is taken by another judge.
    """
    proofs = (proof,) if isinstance(proof, Proof) else proof

    def register(judge: Judge) -> Judge:
        taken = _CLAIMS.get(id)
        if taken is not None and taken.judge.__qualname__ != judge.__qualname__:
            raise ValueError(f"two claims are called {id}")
        _CLAIMS[id] = Claim(id, source, statement, expected, judge, recheck, proofs, amended)
        return judge

    return register


class Claims(Readable, dict[str, Claim]):
    """Claims by id."""

    def frame(self) -> pd.DataFrame:
        """Return the claims as a data frame: id, source, statement, expected, amended.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        return claims_frame(self)

    def page(self) -> Page:
        """Return them on one screen."""
        return claims_page(self)


def claims() -> Claims:
    """All registered claims, by id, in a stable order."""
    package = importlib.import_module(".claims", __package__)
    for module in sorted(info.name for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")):
        importlib.import_module(module)
    return Claims(sorted(_CLAIMS.items()))


@dataclass(frozen=True)
class Entry(Readable):
    """One line of the ledger: the claim, its judgement, and whether they agree.

    ``rechecked`` is ``None`` where there is no witness, else what the independent re-check said; ``held`` says who held the steps of the
    claim's proofs, and is ``None`` where there are none; ``coq`` whether Coq accepts its theorems, ``None`` if it was not asked or there are none;
    ``earlier`` when an earlier run judged it, ``None`` if this one did.
    """

    claim: Claim
    judgement: Judgement
    rechecked: bool | None
    seconds: float
    held: Held | None = None
    coq: bool | None = None
    earlier: str | None = None

    @property
    def agrees(self) -> bool:
        """Whether the verdicts are those on record, of the amended statement too, the witness, if any, survived the re-check, and Coq refuses nothing."""
        same = self.judgement.verdict == self.claim.expected and self.judgement.amended == self.claim.amended
        return same and self.rechecked is not False and self.coq is not False

    @property
    def missing(self) -> str | None:
        """The solver without which the proofs could not be held here, if that is why the verdict is not the one on record."""
        return None if self.held is None or self.agrees else self.held.missing

    def page(self) -> Page:
        """Return everything that is known of the claim on one screen."""
        return entries_page([self])

    def to_dict(self) -> dict[str, Any]:
        """The entry as plain data for JSON."""
        judgement = self.judgement
        return {
            "id": self.claim.id,
            "source": self.claim.source,
            "statement": self.claim.says,
            "formal": list(self.claim.formal),
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
            "amended_expected": self.claim.amended,
            "reading": None if judgement.reading is None else vars(judgement.reading),
            "held": None if self.held is None else vars(self.held),
            "coq": {"theorems": [str(theorem) for theorem in theorems_of(self.claim.id)], "checked": self.coq},
            "evidence": judgement.evidence,
            "seconds": round(self.seconds, 3),
            "earlier_run": self.earlier,
        }


def judge(claim: Claim) -> Entry:
    """Judge one claim now: derive the verdict, have every step of its proofs held, and re-check its witness from the document alone.

    Whatever does not come out as the claim says it must (a step, a derivation, a comparison with the shipped code) leaves the claim argued at best. The
    witness goes through JSON on its way to the re-check, so that what is checked is what a file would hold.
    """
    started = time.perf_counter()
    held: Held | None = None
    try:
        judgement = claim.judge()
        if claim.proofs:
            held = hold_all(claim.proofs)
    except AssertionError as error:
        kind = "a proof does not hold" if isinstance(error, ProofError) else "not as claimed"
        judgement = Judgement("argued", f"{kind}: {error}", "")
    rechecked: bool | None = None
    if judgement.witness is not None:
        document: Mapping[str, Any] = json.loads(json.dumps(judgement.witness))
        rechecked = claim.recheck is not None and _rechecked(claim.recheck, document)
    judgement = judgement.resting_on(claim.proofs, held, rechecked)
    return Entry(claim, judgement, rechecked, time.perf_counter() - started, held)


def judge_all(chosen: Sequence[Claim], jobs: int = 1) -> Iterator[Entry]:
    """Judge claims in their order, `jobs` at a time in processes of their own."""
    if jobs == 1:
        yield from map(judge, chosen)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Fresh processes: neither z3 nor a solver's threads survive a fork.
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        running = [(claim, pool.submit(_judged, claim.id)) for claim in chosen]
        for claim, found in running:
            yield Entry(claim, *found.result())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _judged(id: str) -> tuple[Judgement, bool | None, float, Held | None]:
    """Judge a registered claim: what of its entry goes from one process to another."""
    (found,) = select([id])
    entry = judge(found)
    return entry.judgement, entry.rechecked, entry.seconds, entry.held


def _rechecked(recheck: Recheck, document: Mapping[str, Any]) -> bool:
    """Whether a re-check confirms a witness; one that it cannot even compute with is none."""
    try:
        return bool(recheck(document))
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return False


def hold_all(proofs: Iterable[Proof]) -> Held:
    """Have every step of some proofs held.

    Raises
    ------
    ProofError
        At the first step that does not hold.
    """
    found = [proof.check() for proof in proofs]
    missing = next((held.missing for held in found if held.missing), None)
    return Held(sum(held.algebra for held in found), sum(held.smt for held in found), missing)


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
            raise UnknownClaim(f"no claim is called {id}{nearest_name(id, known)}; the claims are {', '.join(known)}")
        wanted |= matches
    return [entry for name, entry in known.items() if not wanted or name in wanted]


class Verdicts(Readable, Sequence[Entry]):
    """Claims and what is judged of them: each is judged when it is first asked for, and then stays.

    Parameters
    ----------
    chosen : sequence of Claim
    """

    def __init__(self, chosen: Sequence[Claim]) -> None:
        self._chosen = chosen
        self._judged: list[Entry] = []

    def __len__(self) -> int:
        return len(self._chosen)

    @overload
    def __getitem__(self, position: int) -> Entry: ...
    @overload
    def __getitem__(self, position: slice) -> list[Entry]: ...
    def __getitem__(self, position: int | slice) -> Entry | list[Entry]:
        wanted = range(len(self))[position]
        last = wanted if isinstance(wanted, int) else max(wanted, default=-1)
        while len(self._judged) <= last:
            self._judged.append(judge(self._chosen[len(self._judged)]))
        return self._judged[wanted] if isinstance(wanted, int) else [self._judged[k] for k in wanted]

    def frame(self) -> pd.DataFrame:
        """Return all verdicts as a data frame, in the columns of the JSON answer.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        return entries_frame(self)

    def page(self) -> Page:
        """Return all verdicts on one screen."""
        return entries_page(self)

    def __repr__(self) -> str:
        return f"Verdicts({len(self)} claims, {len(self._judged)} of them judged)"


def verify(ids: str | Iterable[str] = ()) -> Verdicts:
    """Judge the claims asked for, all of them if none is named; each when it is first looked at.

    Parameters
    ----------
    ids : str or iterable of str
        Ids; one that ends in ``*`` stands for every claim that begins so.

    Returns
    -------
    Verdicts
        To go through, to print, or as ``.frame()``.

    Raises
    ------
    UnknownClaim
        If an id or prefix matches nothing.
    """
    return Verdicts(select([ids] if isinstance(ids, str) else ids))
