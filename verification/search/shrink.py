"""Making a witness as small as it gets.

A witness is minimal when no worker, requester, limit or lie can be dropped, no two groups merged and no number made a smaller
whole number, without losing what it shows. :func:`shrink` descends until that is so; :func:`is_minimal` checks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from fractions import Fraction
from typing import Any

__all__ = ["is_minimal", "shrink", "smaller_documents"]

Document = dict[str, Any]
Shows = Callable[[Mapping[str, Any]], bool]

_TRY_ALL_BELOW = 40


def _smaller(value: Any, least: int) -> Iterator[int | str]:
    """Yield simpler numbers: smaller whole ones, smallest first, all of them while they are few; for a fraction also the next
    whole number above and smaller halves.
    """
    number = Fraction(value) if isinstance(value, int) else Fraction(str(value))
    above = -(-number.numerator // number.denominator)
    if above <= _TRY_ALL_BELOW:
        yield from range(least, above)
    else:
        yield from sorted({least, least + 1, least + 2, above // 4, above // 2, 3 * above // 4, above - 2, above - 1})
    if number.denominator > 1:
        yield above
        for doubled in range(2 * least + 1, min(2 * above, 2 * _TRY_ALL_BELOW), 2):
            if number.denominator > 2 or Fraction(doubled, 2) < number:
                yield f"{doubled}/2"


def _without(document: Document, kind: str, place: int) -> Document:
    smaller = deepcopy(document)
    gone = smaller[kind].pop(place)
    field = "group" if kind == "workers" else "requester"
    left = {str(row["group"]) for row in smaller["workers"]} if kind == "workers" else None
    if smaller.get("caps"):
        smaller["caps"] = [
            row
            for row in smaller["caps"]
            if (str(row["group"]) in left if left is not None else str(row[field]) != str(gone["id"]))
        ]
    return smaller


def smaller_documents(document: Mapping[str, Any]) -> Iterator[Document]:
    """Yield every document one step smaller: the boldest steps first."""
    base: Document = deepcopy(dict(document))
    for kind in ("workers", "requesters"):
        for place in range(len(base[kind])):
            if len(base[kind]) > 1:
                yield _without(base, kind, place)
    for place in range(len(base.get("caps", []))):
        smaller = deepcopy(base)
        smaller["caps"].pop(place)
        yield smaller
    for place, row in enumerate(base["requesters"]):
        if row.get("seats") is not None:
            smaller = deepcopy(base)
            del smaller["requesters"][place]["seats"]
            yield smaller
    yield from _merged_groups(base)
    for place, row in enumerate(base["workers"]):
        if "bid" in row:
            smaller = deepcopy(base)
            del smaller["workers"][place]["bid"]
            yield smaller
    # Numbers last: what has been taken out needs no smaller ones.
    for kind, field, least in (
        ("requesters", "budget", 0),
        ("workers", "score", 1),
        ("workers", "cost", 0),
        ("workers", "bid", 0),
        ("caps", "cap", 0),
        ("requesters", "seats", 0),
    ):
        for place, row in enumerate(base.get(kind, [])):
            if row.get(field) is not None:
                for number in _smaller(row[field], least):
                    smaller = deepcopy(base)
                    smaller[kind][place][field] = number
                    yield smaller
    regions = min((len(row.get("coverage", [])) for row in base["workers"]), default=0)
    for region in range(regions if regions > 1 else 0):
        smaller = deepcopy(base)
        for row in smaller["workers"]:
            row["coverage"].pop(region)
        yield smaller
    for place, row in enumerate(base["workers"]):
        for region, value in enumerate(row.get("coverage", [])):
            for number in _smaller(value, 0):
                smaller = deepcopy(base)
                smaller["workers"][place]["coverage"][region] = number
                yield smaller


def _merged_groups(base: Document) -> Iterator[Document]:
    names = list(dict.fromkeys(str(row["group"]) for row in base["workers"]))
    limited = {str(row["group"]) for row in base.get("caps", [])}
    for later in names[1:]:
        for earlier in names[: names.index(later)]:
            smaller = deepcopy(base)
            for row in smaller["workers"]:
                if str(row["group"]) == later:
                    row["group"] = earlier
            if later in limited:
                smaller["caps"] = [row for row in smaller["caps"] if str(row["group"]) != later]
            yield smaller


def shrink(document: Mapping[str, Any], shows: Shows) -> Document:
    """Return a minimal document that still shows what the given one does.

    Parameters
    ----------
    document : mapping
        A ``fedmech-market/1`` document.
    shows : callable
        Whether a document shows the thing; errors on a document count as no.

    Raises
    ------
    ValueError
        If the document itself does not show it.
    """
    current: Document = deepcopy(dict(document))
    if not _safely(shows, current):
        raise ValueError("there is nothing to shrink: the document does not show it")
    progress = True
    while progress:
        progress = False
        for smaller in smaller_documents(current):
            if _safely(shows, smaller):
                current, progress = smaller, True
                break
    if "caps" in current and not current["caps"]:
        del current["caps"]
    renamed = _renamed(current)
    return renamed if _safely(shows, renamed) else current


def _renamed(document: Document) -> Document:
    """Number workers, groups and requesters afresh: w1.., g1.., r1.. ."""
    renamed = deepcopy(document)
    groups = {
        name: f"g{p}" for p, name in enumerate(dict.fromkeys(str(row["group"]) for row in document["workers"]), 1)
    }
    requesters = {str(row["id"]): f"r{p}" for p, row in enumerate(document["requesters"], 1)}
    for place, row in enumerate(renamed["workers"], 1):
        row |= {"id": f"w{place}", "group": groups[str(row["group"])]}
    for row in renamed["requesters"]:
        row["id"] = requesters[str(row["id"])]
    renamed_caps = [
        row | {"group": groups[str(row["group"])], "requester": requesters[str(row["requester"])]}
        for row in document.get("caps", [])
    ]
    if "caps" in renamed:
        renamed["caps"] = renamed_caps
    return renamed


def is_minimal(document: Mapping[str, Any], shows: Shows) -> bool:
    """Whether a document shows the thing and no document one step smaller does."""
    return _safely(shows, document) and not any(_safely(shows, smaller) for smaller in smaller_documents(document))


def _safely(shows: Shows, document: Mapping[str, Any]) -> bool:
    try:
        return shows(document)
    except (ArithmeticError, LookupError, ValueError):
        return False
