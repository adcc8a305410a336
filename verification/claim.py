"""A claim, the judgement passed on it, and what counts as agreement between the two.

A claim is a sentence of a paper together with a judge: a function that derives the verdict again each time it is
called. What is proved is a formula (:mod:`fedmech.verification.proofs.chain`); the claim carries the proofs it rests on, and the sentences it prints
take their formulas from them. The verdict the project expects is recorded beside it, so that a change in the code that changes a
verdict is noticed.  Nothing here knows what the claims are about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from ..models.display import Page, Readable
from .proofs.chain import Held, Proof
from .proofs.formula import plain

Verdict = Literal["proved", "argued", "verified", "supported", "conditional", "refuted"]
"""What a judge can say.

``proved``
    for all parameters: every step of a chain that ends in the statement is held by algebra or SMT, again each time (an existence
    claim: by a witness that survives the re-check);
``argued``
    by a written argument with steps that no machine holds, whatever is checked beside it;
``verified``
    in every case of a stated finite box;
``supported``
    searched hard, nothing found, and the scope says how hard;
``conditional``
    refuted as written by the witness, and true under the stated assumption;
``refuted``
    false, by the witness.
"""

VERDICTS: tuple[str, ...] = get_args(Verdict)
HOLDING = ("proved", "argued", "verified", "supported")


@dataclass(frozen=True)
class Reading:
    """How a sentence was read before it was refuted, so that its authors can say whether they meant that.

    Parameters
    ----------
    sentence : str
        The reading that is refuted.
    within : str
        The class of markets the witness is from, and how it stands to the paper's.
    charitable : str
        The most favourable reading that the sentence allows.
    holds : str
        How it fares: one of :data:`VERDICTS`.
    """

    sentence: str
    within: str
    charitable: str
    holds: Verdict

    def __post_init__(self) -> None:
        if self.holds not in VERDICTS:
            raise ValueError(f"unknown verdict {self.holds!r} for a reading")


AS_STATED = Reading("as stated", "markets of the model", "as stated", "refuted")
"""Of a sentence that nothing could save: what a judge says that finds a proved claim false."""


@dataclass(frozen=True)
class Judgement:
    """What one run of a judge found.

    Parameters
    ----------
    verdict : str
        One of :data:`VERDICTS`.
    method : str
        How the verdict was reached, in a sentence.
    scope : str
        The box, the counts and the seeds the verdict speaks for.
    witness : mapping, optional
        A complete instance document that refutes the statement; required for ``refuted`` and ``conditional``. For an existence claim, what
        exists.
    assumption, assumption_verdict : str, optional
        For ``conditional``: what has to be added to the statement, and how that amended statement fares.
    corrected, corrected_verdict : str, optional
        A true statement in the place of a false one, and how it fares.
    reading : Reading, optional
        How the sentence was read; required for ``refuted`` and ``conditional``.
    evidence : mapping, optional
        Measured numbers worth keeping with the verdict.

    Raises
    ------
    ValueError
        If the verdict is unknown, or the parts that it needs are missing.
    """

    verdict: Verdict
    method: str
    scope: str
    witness: Mapping[str, Any] | None = None
    assumption: str | None = None
    assumption_verdict: Verdict | None = None
    corrected: str | None = None
    corrected_verdict: Verdict | None = None
    evidence: Mapping[str, Any] | None = None
    reading: Reading | None = None

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"unknown verdict {self.verdict!r}; one of {', '.join(VERDICTS)}")
        if self.verdict in ("refuted", "conditional") and self.witness is None:
            raise ValueError(f"a {self.verdict} claim needs a witness")
        if self.verdict in ("refuted", "conditional") and self.reading is None:
            raise ValueError(f"a {self.verdict} claim needs the reading under which it fails")
        if self.verdict == "conditional" and (self.assumption is None or self.assumption_verdict not in HOLDING):
            raise ValueError("a conditional claim needs an assumption and a verdict under which it holds")
        if self.corrected is not None and self.corrected_verdict not in HOLDING:
            raise ValueError("a corrected statement needs a verdict under which it holds")

    @property
    def amended(self) -> Verdict | None:
        """How what is true instead fares: the statement under the assumption, or the corrected one."""
        return self.assumption_verdict or self.corrected_verdict

    def resting_on(self, proofs: tuple[Proof, ...], held: Held | None, rechecked: bool | None) -> Judgement:
        """Return the judgement with its formulas filled in, and ``proved`` lowered to ``argued`` where no machine holds it.

        Nothing is proved but by a chain whose every step was held just now; an existence claim may be proved by its witness alone, if
        that has survived the re-check.
        """

        def filled(text: str | None, verdict: Verdict | None) -> str | None:
            if text is None:
                return None
            return _carrying(_filled(text, proofs), proofs) if verdict == "proved" else _filled(text, proofs)

        by_witness = self.verdict == "proved" and rechecked is True and not proofs
        whole = by_witness or (held is not None and held.missing is None)

        def lowered(verdict: Verdict | None) -> Any:
            return "argued" if verdict == "proved" and not whole else verdict

        return replace(
            self,
            verdict=lowered(self.verdict),
            assumption=filled(self.assumption, self.assumption_verdict),
            assumption_verdict=lowered(self.assumption_verdict),
            corrected=filled(self.corrected, self.corrected_verdict),
            corrected_verdict=lowered(self.corrected_verdict),
            method=self.method if held is None else f"{self.method} [{held}]",
        )


def _filled(text: str, proofs: tuple[Proof, ...]) -> str:
    """Put the formulas of the proofs where a text has ``{formula}``, ``{formula2}``, ... or ``{assumptions}``."""
    for number, proof in enumerate(proofs, start=1):
        label = "" if number == 1 else str(number)
        text = text.replace(f"{{formula{label}}}", plain(proof.statement))
        assumed = "; ".join(plain(formula) for formula in proof.assumptions.values())
        text = text.replace(f"{{assumptions{label}}}", assumed)
    return text


def _carrying(text: str, proofs: tuple[Proof, ...]) -> str:
    """Let a sentence carry the formulas that are proved, those that it does not have yet."""
    more = [proof.sentence() for proof in proofs if plain(proof.statement) not in text]
    return f"{text} [proved: {'; and: '.join(more)}]" if more else text


Judge = Callable[[], Judgement]
Recheck = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True)
class Claim(Readable):
    """A sentence to be judged.

    Parameters
    ----------
    id : str
        Short and stable, such as ``S-T1``.
    source : str
        The paper and the place in it.
    statement : str
        The sentence; quoted where the paper has it, marked as reconstructed where its formula is lost. ``{formula}`` stands for the formula
        that the first proof ends in.
    expected : str
        The verdict on record.
    judge : callable
        Derives the verdict; takes nothing, returns a :class:`Judgement`.
    recheck : callable, optional
        Given the witness document alone, says whether it really refutes the statement.  It must share no code with
        the search that found the witness.  Required where the expected verdict carries a witness.
    proofs : tuple of Proof
        What the statement rests on; for a conditional or refuted claim, what is true instead.
    amended : str, optional
        The verdict on record of the statement under its assumption, or of the corrected one.
    """

    id: str
    source: str
    statement: str
    expected: Verdict
    judge: Judge
    recheck: Recheck | None = None
    proofs: tuple[Proof, ...] = ()
    amended: Verdict | None = None

    def __post_init__(self) -> None:
        for verdict in (self.expected, self.amended or self.expected):
            if verdict not in VERDICTS:
                raise ValueError(f"{self.id}: unknown expected verdict {verdict!r}")
        if self.expected in ("refuted", "conditional") and self.recheck is None:
            raise ValueError(f"{self.id}: a {self.expected} claim needs a re-check of its witness")
        if "proved" in (self.expected, self.amended) and not self.proofs and self.recheck is None:
            raise ValueError(f"{self.id}: no proof, and no witness to be re-checked: that is not proved")

    def page(self) -> Page:
        """Return the claim on one screen."""
        amended = [("amended", self.amended)] if self.amended else []
        facts = [("claim", self.id), ("source", self.source), ("statement", self.says), ("on record", self.expected)]
        return Page("", facts + amended)

    @property
    def says(self) -> str:
        """The statement with the formulas that are proved of it."""
        text = _filled(self.statement, self.proofs)
        return _carrying(text, self.proofs) if self.expected == "proved" else text

    @property
    def short(self) -> str:
        """The statement as it is written, for a table."""
        return _filled(self.statement, self.proofs)

    @property
    def formal(self) -> tuple[str, ...]:
        """What is proved, one sentence a proof."""
        return tuple(proof.sentence() for proof in self.proofs)
