"""Cases drawn one after the other, put to every test that applies, counted; what fails is made small."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ...models.input_error import InputError
from .asking import SMALL, Reply, asked_again
from .case import Case
from .examinations import EXAMINATIONS
from .families import PROBLEMS, draw_case
from .relations import RELATIONS
from .shrinking import as_python, smallest

__all__ = ["ALONE", "Finding", "Report", "campaign", "put_to_the_test", "replay"]

ALONE = "by itself"
"""The test of one answer alone: no crash, a feasible point of the stated value, a small market decided."""

_RELATIONS_A_CASE = 4
_SAME_FINDINGS = 2


@dataclass(frozen=True)
class Finding:
    """Something that does not hold.

    Attributes
    ----------
    test : str
        The relation or examination.
    kind : str
        The failure in words that are the same for equal failures.
    says : str
        With its numbers.
    case : Case
        On which.
    draw : str
        Seed of the test's randomness.
    family, index : str, int
        Where it came from.
    """

    test: str
    kind: str
    says: str
    case: Case
    draw: str
    family: str = ""
    index: int = -1

    def to_json(self) -> dict[str, Any]:
        """As plain data, the case included; :func:`replay` reads it."""
        return {
            "test": self.test,
            "kind": self.kind,
            "says": self.says,
            "family": self.family,
            "index": self.index,
            "draw": self.draw,
            "size": self.case.size,
            "python": as_python(self.case),
            "case": self.case.to_json(),
        }


@dataclass
class Report:
    """What a campaign did.

    Attributes
    ----------
    seed : int
    cases : int
        How many were drawn.
    held, silent : Counter by (family, test)
        How often a test held, and how often it had nothing to say.
    failed : Counter by (family, test)
    problems : Counter
        Cases by problem.
    findings : list of Finding
        Made small; of equal kinds the first ones.
    stopped : str
        ``cases``, ``time``, ``findings`` or ``interrupted``.
    seconds, processor_seconds : float
    """

    seed: int
    cases: int = 0
    held: Counter = field(default_factory=Counter)
    silent: Counter = field(default_factory=Counter)
    failed: Counter = field(default_factory=Counter)
    problems: Counter = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    stopped: str = "cases"
    seconds: float = 0.0
    processor_seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        keys = sorted({*self.held, *self.silent, *self.failed})
        return {
            "seed": self.seed,
            "cases": self.cases,
            "stopped": self.stopped,
            "seconds": round(self.seconds, 3),
            "processor_seconds": round(self.processor_seconds, 3),
            "cases_by_problem": dict(sorted(self.problems.items())),
            "tests": sum(self.held.values()) + sum(self.failed.values()),
            "failures": sum(self.failed.values()),
            "counts": [
                {
                    "family": family,
                    "test": test,
                    "held": self.held[family, test],
                    "failed": self.failed[family, test],
                    "not_applicable": self.silent[family, test],
                }
                for family, test in keys
            ],
            "findings": [finding.to_json() for finding in self.findings],
        }


def campaign(
    seed: int,
    *,
    cases: int | None = None,
    seconds: float | None = None,
    problems: Collection[str] = (),
    most_findings: int | None = None,
    limit: float = 5.0,
    shrink_seconds: float = 60.0,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Draw cases and put them to the test, until so many are drawn or so many seconds have passed, or Ctrl-C.

    Parameters
    ----------
    seed : int
        Case ``i`` depends on `seed` and ``i`` alone.
    cases, seconds : optional
        When to end; the first that is reached.
    problems : collection of str
        Draw cases of these problems only; of all if empty.
    most_findings : int, optional
        End after so many findings.
    limit : float
        Seconds for one search.
    shrink_seconds : float
        Seconds to make one finding small.
    progress : callable, optional
        Receives a line now and then.

    Raises
    ------
    InputError
        For an unknown problem.
    """
    for problem in problems:
        if problem not in PROBLEMS:
            raise InputError(f"unknown problem {problem!r}; there are {', '.join(PROBLEMS)}", field="problem")
    report, started, processor = Report(seed), time.monotonic(), time.process_time()
    shown, kinds = started, Counter()
    try:
        while cases is None or report.cases < cases:
            now = time.monotonic()
            if most_findings is not None and len(report.findings) >= most_findings:
                report.stopped = "findings"
                break
            if seconds is not None and now - started >= seconds:
                report.stopped = "time"
                break
            if progress is not None and now - shown >= 2:
                progress(f"{report.cases:,} cases, {sum(report.failed.values())} failures")
                shown = now
            for finding in _one_case(report, f"{seed}/{report.cases}", problems, limit):
                kinds[finding.kind] += 1
                if kinds[finding.kind] <= _SAME_FINDINGS:
                    if progress is not None:
                        progress(f"found: {finding.kind}; making it small")
                    # As it is first: Ctrl-C while it is made small must not lose it.
                    report.findings.append(finding)
                    report.findings[-1] = _made_small(finding, limit, shrink_seconds)
            report.cases += 1
    except KeyboardInterrupt:
        report.stopped = "interrupted"
    report.seconds = time.monotonic() - started
    report.processor_seconds = time.process_time() - processor
    return report


def _one_case(report: Report, name: str, problems: Collection[str], limit: float) -> list[Finding]:
    draw = random.Random(name)
    family, case = draw_case(draw, problems)
    report.problems[case.problem] += 1
    relations = [test for test, (about, _) in RELATIONS.items() if case.problem in about]
    tests = draw.sample(relations, min(_RELATIONS_A_CASE, len(relations)))
    tests += [test for test in EXAMINATIONS if test != "stopped early" or draw.random() < 0.15]
    findings = []
    for test in (ALONE, *tests):
        held, finding = put_to_the_test(case, test, name, limit)
        if finding is not None:
            report.failed[family, test] += 1
            findings.append(Finding(finding.test, finding.kind, finding.says, finding.case, name, family, report.cases))
            if test == ALONE:
                break
        else:
            (report.held if held else report.silent)[family, test] += 1
    return findings


_last: tuple[Case, float, Reply] | None = None


def _base(case: Case, limit: float) -> Reply:
    """The default method's answer; asked once while the tests of one case follow each other."""
    global _last
    if _last is None or _last[0] is not case or _last[1] != limit:
        try:
            reply = asked_again(case, limit)
        except InputError as error:
            # Numbers beyond the limits of what a file may say.
            reply = Reply("", "refused", says=str(error))
        _last = case, limit, reply
    return _last[2]


def put_to_the_test(case: Case, test: str, draw: str, limit: float) -> tuple[bool, Finding | None]:
    """Put one case to one test; whether the test had something to say, and what it found."""
    base = _base(case, limit)
    alone = _fault(case, base, draw)
    if test == ALONE:
        return base.status != "refused", alone
    if alone is not None or base.status == "refused":
        return False, None
    randomness = random.Random(f"{draw}/{test}")
    if test in EXAMINATIONS:
        held = False
        for statement in EXAMINATIONS[test](case, base, randomness, limit):
            held = True
            if not statement.holds:
                says = f"{statement.says}: {_numbers(statement.low, statement.high)}"
                if statement.faulty is not None:
                    says = statement.faulty.says
                return True, Finding(test, f"{test}, {case.problem}: {statement.kind}", says, case, draw)
        return held, None
    problems, relation = RELATIONS[test]
    related = relation(case, base, randomness) if case.problem in problems else None
    if related is None:
        return False, None
    try:
        reply = asked_again(related.case, limit)
    except InputError:
        return False, None
    alone = _fault(related.case, reply, draw)
    if alone is not None:
        return True, alone
    pairs = []
    if related.sense in ("=", "<="):
        pairs.append(("more than its partner allows", base.low, _mapped(reply.high, related)))
    if related.sense in ("=", ">="):
        pairs.append(("less than its partner reaches", _mapped(reply.low, related), base.high))
    for says, low, high in pairs:
        if low is not None and high is not None and low > high:
            return True, Finding(test, f"{test}, {case.problem}: {says}", _numbers(low, high), case, draw)
    return True, None


def _mapped(value: Fraction | None, related: Any) -> Fraction | None:
    return None if value is None else related.factor * value + related.plus


def _fault(case: Case, reply: Reply, draw: str) -> Finding | None:
    """What is wrong with the default method's answer by itself."""
    if reply.status == "refused":
        return None
    if reply.fault is not None:
        return Finding(ALONE, f"{case.problem}: {reply.fault}", reply.says, case, draw)
    if reply.stopped == "unproved" and not case.setting.constants:
        # What was not looked at, whatever the size: a search that overlooks a point shows itself here.
        kind = f"{case.problem}: a search that ended, and nothing proves its bound"
        return Finding(ALONE, kind, f"{reply.status}, {_numbers(reply.low, reply.high)}", case, draw)
    # Lowered constants may end a search early; what it says must be true, no more.
    if not reply.proved and case.size <= SMALL and not case.setting.constants:
        kind = f"{case.problem}: small and not proved"
        return Finding(ALONE, kind, f"{reply.status}, {reply.stopped}, {_numbers(reply.low, reply.high)}", case, draw)
    if reply.status == "optimal" and not reply.proved and reply.high is None:
        return Finding(ALONE, f"{case.problem}: optimal without a bound", "", case, draw)
    return None


def _numbers(low: Fraction | None, high: Fraction | None) -> str:
    return f"{low} and {high}"


def _made_small(finding: Finding, limit: float, seconds: float) -> Finding:
    last = finding

    def fails(case: Case) -> bool:
        nonlocal last
        found = put_to_the_test(case, finding.test, finding.draw, limit)[1]
        if found is None or found.kind != finding.kind:
            return False
        last = found
        return True

    case = smallest(finding.case, fails, seconds)
    again = put_to_the_test(case, finding.test, finding.draw, limit)[1] or last
    return Finding(finding.test, finding.kind, again.says, case, finding.draw, finding.family, finding.index)


def replay(data: Any, limit: float = 5.0) -> Finding | None:
    """Put what :meth:`Finding.to_json` wrote to its test again.

    Raises
    ------
    InputError
        If it is something else.
    """
    try:
        case, test, draw = Case.from_json(data["case"]), str(data["test"]), str(data["draw"])
    except (KeyError, TypeError) as error:
        raise InputError(f"not a finding of the self-test: {error!r}") from None
    if test != ALONE and test not in RELATIONS and test not in EXAMINATIONS:
        raise InputError(f"the self-test has no test {test!r}")
    return put_to_the_test(case, test, draw, limit)[1]
