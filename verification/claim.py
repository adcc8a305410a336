"""A claim, the judgement passed on it, and what counts as agreement between the two.

A claim is a sentence of a paper together with a judge: a function that derives the verdict again each time it is
called.  The verdict the project expects is recorded beside it, so that a change in the code that changes a verdict is
noticed.  Nothing here knows what the claims are about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Verdict = Literal["proved", "verified", "supported", "conditional", "refuted"]
"""What a judge can say.

``proved``
    for all parameters, by a symbolic or SMT derivation that is run again each time;
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
HOLDING = ("proved", "verified", "supported")


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
        A complete instance document that refutes the statement; required for ``refuted`` and ``conditional``.
    assumption, assumption_verdict : str, optional
        For ``conditional``: what has to be added to the statement, and how that amended statement fares.
    corrected, corrected_verdict : str, optional
        A true statement in the place of a false one, and how it fares.
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

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"unknown verdict {self.verdict!r}; one of {', '.join(VERDICTS)}")
        if self.verdict in ("refuted", "conditional") and self.witness is None:
            raise ValueError(f"a {self.verdict} claim needs a witness")
        if self.verdict == "conditional" and (self.assumption is None or self.assumption_verdict not in HOLDING):
            raise ValueError("a conditional claim needs an assumption and a verdict under which it holds")
        if self.corrected is not None and self.corrected_verdict not in HOLDING:
            raise ValueError("a corrected statement needs a verdict under which it holds")


Judge = Callable[[], Judgement]
Recheck = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True)
class Claim:
    """A sentence to be judged.

    Parameters
    ----------
    id : str
        Short and stable, such as ``S-T1``.
    source : str
        The paper and the place in it.
    statement : str
        The sentence; quoted where the paper has it, marked as reconstructed where its formula is lost.
    expected : str
        The verdict on record.
    judge : callable
        Derives the verdict; takes nothing, returns a :class:`Judgement`.
    recheck : callable, optional
        Given the witness document alone, says whether it really refutes the statement.  It must share no code with
        the search that found the witness.  Required where the expected verdict carries a witness.
    """

    id: str
    source: str
    statement: str
    expected: Verdict
    judge: Judge
    recheck: Recheck | None = None

    def __post_init__(self) -> None:
        if self.expected not in VERDICTS:
            raise ValueError(f"{self.id}: unknown expected verdict {self.expected!r}")
        if self.expected in ("refuted", "conditional") and self.recheck is None:
            raise ValueError(f"{self.id}: a {self.expected} claim needs a re-check of its witness")
