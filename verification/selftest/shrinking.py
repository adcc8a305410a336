"""Making a failing case small: delta debugging on whole blocks first, then one number after the other.

A smaller case is kept while it fails in the same way. :mod:`..search.shrink` does the last, fine steps on procurement markets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from ...solvers.control import Control
from ..search.shrink import shrink
from .case import SOCIAL, Case, Document, exact, literal

__all__ = ["smallest"]

Fails = Callable[[Case], bool]
_FINE = 24
"""So few workers are left before numbers are tried one by one."""


def smallest(case: Case, fails: Fails, seconds: float) -> Case:
    """Return a smaller case that still fails, as small as `seconds` allow."""
    control = Control.for_seconds(seconds)

    def still(smaller: Case) -> bool:
        if control.expired():
            return False
        try:
            return fails(smaller)
        except (ArithmeticError, LookupError, ValueError):
            return False

    case = _plainer_setting(case, still)
    rows = ("types",) if case.problem == SOCIAL else ("workers", "requesters")
    while True:
        before = case
        for kind in rows:
            case = _fewer_rows(case, kind, still)
        case = _first(case, _bolder(case), still)
        if case is before:
            break
    if case.problem == SOCIAL:
        return _fine_states(case, still)
    if case.size <= _FINE and not any(type(row["score"]) is float for row in case.document["workers"]):
        found = case
        try:
            return case.on(shrink(case.document, lambda document: still(found.on(dict(document)))))
        except ValueError:
            # Out of time before the first step.
            return case
    return case


def _plainer_setting(case: Case, still: Fails) -> Case:
    for changes in ({"form": "lists"}, {"interpreted": False}, {"objects": ()}, {"constants": {}}):
        if still(plainer := case.put(**changes)):
            case = plainer
    for name in list(case.setting.constants):
        rest = {key: value for key, value in case.setting.constants.items() if key != name}
        if still(plainer := case.put(constants=rest)):
            case = plainer
    return case


def _fewer_rows(case: Case, kind: str, still: Fails) -> Case:
    """Zeller's delta debugging: leave out blocks, halving their length when none can go."""
    length = max(1, len(case.document[kind]) // 2)
    while True:
        gone, start = False, 0
        while start < len(rows := case.document[kind]) and len(rows) > 1:
            kept = rows[:start] + rows[start + length :]
            if kept and still(smaller := case.on(_with_rows(case.document, kind, kept))):
                case, gone = smaller, True
            else:
                start += length
        if length == 1 and not gone:
            return case
        if not gone or length > len(case.document[kind]):
            length = max(1, length // 2)


def _with_rows(document: Document, kind: str, rows: list[dict[str, Any]]) -> Document:
    changed = document | {kind: rows}
    if "caps" in document:
        groups = {row["group"] for row in changed["workers"]}
        names = {row["id"] for row in changed["requesters"]}
        changed["caps"] = [row for row in document["caps"] if row["group"] in groups and row["requester"] in names]
        if changed.get("groups"):
            changed["groups"] = [name for name in document["groups"] if name in groups]
    return changed


def _first(case: Case, candidates: Iterator[Document], still: Fails) -> Case:
    for document in candidates:
        if document != case.document and still(smaller := case.on(document)):
            return smaller
    return case


_MONEY = (("workers", "cost"), ("requesters", "budget"))
_SCORE = (("workers", "score"),)


def _bolder(case: Case) -> Iterator[Document]:
    """Documents with less in them, many numbers at once."""
    document = case.document
    if case.problem == SOCIAL:
        return
    if document.get("caps"):
        yield document | {"caps": []}
    if "groups" in document:
        yield {name: value for name, value in document.items() if name != "groups"}
    if any("bid" in row for row in document["workers"]):
        yield document | {"workers": [{k: v for k, v in row.items() if k != "bid"} for row in document["workers"]]}
    if any("seats" in row for row in document["requesters"]):
        yield document | {
            "requesters": [{k: v for k, v in row.items() if k != "seats"} for row in document["requesters"]]
        }
    for fields in (_MONEY, _SCORE):
        for simpler in (Fraction, _rounded, _fewer_digits, _leading, _halved):
            yield _changed(document, fields, simpler)
    # A number that many rows share goes down in all of them.
    for kind, field in (*_MONEY, *_SCORE):
        for shared in sorted({exact(row[field]) for row in document[kind]}, reverse=True)[:_FINE]:
            for less in (Fraction(1), _halved(shared), shared - 1):
                if 0 < less < shared:
                    yield _changed(document, ((kind, field),), lambda x, old=shared, new=less: new if x == old else x)


def _changed(
    document: Document, fields: tuple[tuple[str, str], ...], change: Callable[[Fraction], Fraction]
) -> Document:
    changed = document | {kind: [dict(row) for row in document[kind]] for kind, _ in fields}
    for kind, field in fields:
        for row in changed[kind]:
            value = change(exact(row[field]))
            row[field] = literal(max(value, Fraction(1)) if field == "score" and value <= 0 else value)
    return changed


def _rounded(value: Fraction) -> Fraction:
    return Fraction(value.numerator // value.denominator)


def _fewer_digits(value: Fraction) -> Fraction:
    digits = len(str(value.numerator // value.denominator))
    unit = 10 ** max(0, digits - 3)
    return Fraction(value.numerator // value.denominator // unit * unit)


def _leading(value: Fraction) -> Fraction:
    whole = value.numerator // value.denominator
    unit = 10 ** (len(str(whole)) - 1)
    return Fraction(whole // unit * unit)


def _halved(value: Fraction) -> Fraction:
    return Fraction(value.numerator // value.denominator // 2)


def _fine_states(case: Case, still: Fails) -> Case:
    """Fewer clients, no requirement, plainer numbers."""
    progress = True
    while progress:
        smaller = _first(case, _smaller_states(case.document), still)
        progress = smaller is not case
        case = smaller
    return case


def _smaller_states(document: Document) -> Iterator[Document]:
    if "max_error" in document:
        yield {name: value for name, value in document.items() if name != "max_error"}
    for name, plain in (("dimension", 1), ("data_variance", 1), ("client_variance", 0)):
        if exact(document[name]) != plain:
            yield document | {name: plain}
    for place, row in enumerate(document["types"]):
        for field, least in (("count", 1), ("size", 1), ("cost", 0)):
            value = exact(row[field])
            whole = Fraction(value.numerator // value.denominator)
            for less in (Fraction(least), Fraction(whole // 2), whole - 1, whole):
                if least <= less < value:
                    rows = [dict(other) for other in document["types"]]
                    rows[place][field] = literal(less)
                    yield document | {"types": rows}


def as_python(case: Case) -> str:
    """Python code that puts the case, for a report."""
    if case.problem == SOCIAL:
        return f"solve_social_state(MotsMarket.from_document({case.document!r}))"
    document = case.document
    parts = [
        f"{name}={[row[field] for row in document['workers']]!r}"
        for name, field in (("scores", "score"), ("costs", "cost"))
    ]
    parts.append(f"groups={[row['group'] for row in document['workers']]!r}")
    if case.problem == "cover":
        parts.append(f"coverage={[row['coverage'] for row in document['workers']]!r}")
    parts.append(f"requester_ids={[row['id'] for row in document['requesters']]!r}")
    parts.append(f"budgets={[row['budget'] for row in document['requesters']]!r}")
    if any(row.get("seats") is not None for row in document["requesters"]):
        parts.append(f"seats={[row.get('seats') for row in document['requesters']]!r}")
    if document.get("caps"):
        parts.append(f"caps={ {(row['group'], row['requester']): row['cap'] for row in document['caps']}!r}")
    return f"solve(Market.build({', '.join(parts)}), {case.problem!r})"
