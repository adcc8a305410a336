"""What must hold between the optimum of a procurement market and that of a changed one.

A relation takes a case, the answer to it, and a source of randomness; it returns the changed case and how the two optima compare,
or None where it says nothing. Scores, costs and limits are those of the document, so the numbers stay exact.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from .asking import Reply
from .case import Case, Document, exact, literal
from .constants import CONSTANTS

__all__ = ["RELATIONS", "Related", "Relation", "numbers_changed"]

POOLED = ("orp", "opt", "opt-frac", "cover")
ALL = (*POOLED, "opt-sep")


@dataclass(frozen=True)
class Related:
    """A changed case, and ``optimum  sense  factor * (its optimum) + plus``."""

    case: Case
    sense: Literal["=", "<=", ">="] = "="
    factor: Fraction = Fraction(1)
    plus: Fraction = Fraction(0)


Relation = Callable[[Case, Reply, random.Random], Related | None]
RELATIONS: dict[str, tuple[tuple[str, ...], Relation]] = {}
"""By name: the problems that a relation speaks of, and the relation."""


def _relation(name: str, *problems: str) -> Callable[[Relation], Relation]:
    def add(function: Relation) -> Relation:
        RELATIONS[name] = (problems or ALL, function)
        return function

    return add


# ---------------------------------------------------------------------- documents


def _copy(document: Document) -> Document:
    return {
        name: [dict(row) for row in value] if name in ("workers", "requesters", "caps") else value
        for name, value in document.items()
    } | {"caps": [dict(row) for row in document.get("caps", [])]}


def _caps(document: Document) -> dict[tuple[str, str], int]:
    return {(row["group"], row["requester"]): row["cap"] for row in document.get("caps", [])}


def _cap_rows(caps: dict[tuple[str, str], int]) -> list[dict[str, Any]]:
    return [{"group": group, "requester": requester, "cap": cap} for (group, requester), cap in caps.items()]


def _seats_given(document: Document) -> bool:
    return any(row.get("seats") is not None for row in document["requesters"])


def _group_room(document: Document, group: str) -> int | None:
    """How many workers of a group all requesters together take; None for any number."""
    caps = _caps(document)
    limits = [caps.get((group, row["id"])) for row in document["requesters"]]
    return None if None in limits else sum(limits)  # type: ignore[arg-type]


def numbers_changed(document: Document, score: Fraction, money: Fraction) -> Document:
    """Multiply all scores (and coverage) and all money."""
    changed = _copy(document)
    for row in changed["workers"]:
        row["score"] = literal(exact(row["score"]) * score)
        for field in ("cost", "bid"):
            if field in row:
                row[field] = literal(exact(row[field]) * money)
        if "coverage" in row:
            row["coverage"] = [literal(exact(z) * score) for z in row["coverage"]]
    for row in changed["requesters"]:
        row["budget"] = literal(exact(row["budget"]) * money)
    return changed


def _fresh(taken: list[str], name: str) -> str:
    while name in taken:
        name += "'"
    return name


def _ids(document: Document, kind: str) -> list[str]:
    return [row["id"] for row in document[kind]]


# ---------------------------------------------------------------------- the same market, told otherwise


@_relation("permuted workers")
def _permuted_workers(case: Case, base: Reply, draw: random.Random) -> Related:
    changed = _copy(case.document)
    draw.shuffle(changed["workers"])
    return Related(case.on(changed))


@_relation("permuted requesters")
def _permuted_requesters(case: Case, base: Reply, draw: random.Random) -> Related:
    changed = _copy(case.document)
    draw.shuffle(changed["requesters"])
    draw.shuffle(changed["caps"])
    return Related(case.on(changed))


@_relation("permuted groups")
def _permuted_groups(case: Case, base: Reply, draw: random.Random) -> Related:
    changed = _copy(case.document)
    groups = list(dict.fromkeys(row["group"] for row in changed["workers"] + changed["caps"]))
    draw.shuffle(groups)
    # An empty group more, wherever it falls.
    groups.insert(draw.randint(0, len(groups)), _fresh(groups, "empty"))
    return Related(case.on(changed | {"groups": groups}))


_FACTORS = [
    Fraction(2),
    Fraction(3, 7),
    Fraction(10**30),
    Fraction(1, 10**30),
    Fraction(2**31 - 1),
    Fraction(2**53 + 1),
]
_FACTORS += [Fraction(10**18 + 9, 10**17 + 3), Fraction(2**62 - 57, 3), Fraction(10**30 + 57, 10**29 + 319)]
_HUGE = [Fraction(10**300), Fraction(1, 10**300)]


@_relation("rescaled")
def _rescaled(case: Case, base: Reply, draw: random.Random) -> Related:
    pool = _FACTORS + (_HUGE if draw.random() < 0.2 else [])
    score = draw.choice([Fraction(1), *pool])
    money = draw.choice([Fraction(1), *pool])
    return Related(case.on(numbers_changed(case.document, score, money)), factor=1 / score)


@_relation("groups told apart")
def _groups_split(case: Case, base: Reply, draw: random.Random) -> Related | None:
    unlimited = {row["group"] for row in case.document["workers"]} - {
        row["group"] for row in case.document.get("caps", [])
    }
    if not unlimited:
        return None
    group, changed = draw.choice(sorted(unlimited)), _copy(case.document)
    changed.pop("groups", None)
    for row in changed["workers"]:
        if row["group"] == group:
            row["group"] = f"{group}/{draw.randint(1, 3)}"
    return Related(case.on(changed))


@_relation("bids that are not costs")
def _other_bids(case: Case, base: Reply, draw: random.Random) -> Related:
    changed = _copy(case.document)
    for row in changed["workers"]:
        row["bid"] = literal(exact(row["cost"]) * draw.choice([0, 2, Fraction(10, 7)]) + draw.randint(0, 3))
    return Related(case.on(changed))


@_relation("columns of Python integers")
def _objects(case: Case, base: Reply, draw: random.Random) -> Related:
    columns = ("scores", "costs", "budgets", "coverage")
    chosen = tuple(name for name in columns if draw.random() < 0.5) or (draw.choice(columns[:3]),)
    return Related(case.put(objects=chosen))


@_relation("compiled or interpreted")
def _kernels(case: Case, base: Reply, draw: random.Random) -> Related:
    """Whatever is compiled for large markets, compiled for this one, or run as without numba."""
    constants = {name: 0 for name in CONSTANTS if name.endswith("COMPILE_FROM")}
    return Related(case.put(constants={**case.setting.constants, **constants}, interpreted=draw.random() < 0.5))


@_relation("through a file")
def _through_file(case: Case, base: Reply, draw: random.Random) -> Related:
    return Related(case.put(form="file"))


@_relation("from arrays")
def _from_arrays(case: Case, base: Reply, draw: random.Random) -> Related:
    return Related(case.put(form="arrays"))


# ---------------------------------------------------------------------- requesters


@_relation("requester split in two")
def _requester_split(case: Case, base: Reply, draw: random.Random) -> Related:
    changed = _copy(case.document)
    place = draw.randrange(len(changed["requesters"]))
    old = changed["requesters"][place]
    new = dict(old, id=_fresh(_ids(changed, "requesters"), f"{old['id']}+"))
    part = draw.choice([Fraction(0), Fraction(1, 2), Fraction(1, 3), Fraction(1)])
    budget = exact(old["budget"])
    old["budget"], new["budget"] = literal(budget * part), literal(budget * (1 - part))
    if old.get("seats") is not None:
        new["seats"] = draw.randint(0, old["seats"])
        old["seats"] -= new["seats"]
    changed["requesters"].insert(draw.randint(0, len(changed["requesters"])), new)
    for row in [row for row in changed["caps"] if row["requester"] == old["id"]]:
        other = dict(row, requester=new["id"], cap=draw.randint(0, row["cap"]))
        row["cap"] -= other["cap"]
        changed["caps"].append(other)
    # Whoever is placed at one of the two can be placed at the old one.
    equal = case.problem in POOLED and not _seats_given(case.document)
    return Related(case.on(changed), "=" if equal else ">=")


@_relation("requesters merged")
def _requesters_merged(case: Case, base: Reply, draw: random.Random) -> Related | None:
    document = case.document
    if len(document["requesters"]) < 2:
        return None
    caps, rows = _caps(document), document["requesters"]
    groups = {row["group"] for row in document["workers"]}
    seats = [row.get("seats") for row in rows]
    one: dict[str, Any] = {"id": "all", "budget": literal(sum((exact(row["budget"]) for row in rows), Fraction(0)))}
    if None not in seats:
        one["seats"] = sum(seats)  # type: ignore[arg-type]
    merged = {}
    for group in sorted(groups):
        room = [caps.get((group, row["id"])) for row in rows]
        if None not in room:
            merged[group, "all"] = sum(room)  # type: ignore[arg-type]
    changed = _copy(document) | {"requesters": [one], "caps": _cap_rows(merged)}
    changed.pop("groups", None)
    equal = case.problem in POOLED and not _seats_given(document)
    return Related(case.on(changed), "=" if equal else "<=")


@_relation("seats that do not bind")
def _loose_seats(case: Case, base: Reply, draw: random.Random) -> Related:
    changed, caps = _copy(case.document), _caps(case.document)
    size = Counter(row["group"] for row in changed["workers"])
    for row in changed["requesters"]:
        limits = [min(count, caps.get((group, row["id"]), count)) for group, count in size.items()]
        enough = sum(limits) if case.problem not in POOLED else min(sum(limits), len(changed["workers"]))
        if row.get("seats") is None and draw.random() < 0.8:
            row["seats"] = draw.choice([enough, enough + 1, len(changed["workers"]), 10**6])
        elif row.get("seats") is not None and row["seats"] >= enough:
            del row["seats"]
    return Related(case.on(changed))


@_relation("one requester", "opt-sep")
def _one_requester(case: Case, base: Reply, draw: random.Random) -> Related:
    """Of one requester alone, separate and pooled budgets are the same."""
    changed = _copy(case.document)
    kept = draw.choice(changed["requesters"])
    changed["requesters"] = [kept]
    changed["caps"] = [row for row in changed["caps"] if row["requester"] == kept["id"]]
    if len(case.document["requesters"]) == 1:
        return Related(case.on(changed, "opt"))
    return Related(case.on(changed, "opt"), ">=")


@_relation("useless requester")
def _useless_requester(case: Case, base: Reply, draw: random.Random) -> Related:
    changed = _copy(case.document)
    new: dict[str, Any] = {"id": _fresh(_ids(changed, "requesters"), "useless"), "budget": 0}
    if draw.random() < 0.5:
        new["seats"] = 0
    else:
        groups = {row["group"] for row in changed["workers"]}
        changed["caps"] += [{"group": group, "requester": new["id"], "cap": 0} for group in sorted(groups)]
    changed["requesters"].insert(draw.randint(0, len(changed["requesters"])), new)
    return Related(case.on(changed))


# ---------------------------------------------------------------------- limits


@_relation("budget raised")
def _budget_raised(case: Case, base: Reply, draw: random.Random) -> Related:
    changed = _copy(case.document)
    row = draw.choice(changed["requesters"])
    costs = [exact(worker["cost"]) for worker in changed["workers"]] or [Fraction(1)]
    row["budget"] = literal(
        exact(row["budget"]) + draw.choice([min(costs), Fraction(1), sum(costs), Fraction(1, 1000)])
    )
    return Related(case.on(changed), "=" if case.problem == "orp" else "<=")


@_relation("money without end", "opt", "opt-frac", "opt-sep")
def _no_budget(case: Case, base: Reply, draw: random.Random) -> Related:
    """At most the placement without money; equal where every requester could pay all."""
    total = sum((exact(row["cost"]) for row in case.document["workers"]), Fraction(0))
    rich = all(exact(row["budget"]) >= total for row in case.document["requesters"])
    pooled = sum((exact(row["budget"]) for row in case.document["requesters"]), Fraction(0)) >= total
    equal = rich or (pooled and case.problem != "opt-sep")
    return Related(case.on(case.document, "orp"), "=" if equal else "<=")


@_relation("everybody affordable", "orp")
def _rich(case: Case, base: Reply, draw: random.Random) -> Related:
    changed = _copy(case.document)
    total = sum((exact(row["cost"]) for row in changed["workers"]), Fraction(0))
    for row in changed["requesters"]:
        row["budget"] = literal(total * draw.choice([1, 1, 10**20]))
    return Related(case.on(changed, draw.choice(["opt", "opt-sep", "opt-frac"])))


@_relation("limit relaxed")
def _limit_relaxed(case: Case, base: Reply, draw: random.Random) -> Related | None:
    changed = _copy(case.document)
    rows = [(row, "cap") for row in changed["caps"]]
    rows += [(row, "seats") for row in changed["requesters"] if row.get("seats") is not None]
    if not rows:
        return None
    row, field = draw.choice(rows)
    row[field] += draw.choice([1, 1, 1000])
    return Related(case.on(changed), "<=")


@_relation("separate below pooled", "opt-sep")
def _pooled_money(case: Case, base: Reply, draw: random.Random) -> Related:
    return Related(case.on(case.document, "opt"), "<=")


@_relation("whole below fractional", "opt", "opt-sep")
def _fractional(case: Case, base: Reply, draw: random.Random) -> Related:
    return Related(case.on(case.document, "opt-frac"), "<=")


# ---------------------------------------------------------------------- workers


@_relation("worker removed")
def _worker_removed(case: Case, base: Reply, draw: random.Random) -> Related | None:
    changed = _copy(case.document)
    if len(changed["workers"]) < 2:
        return None
    gone = changed["workers"].pop(draw.randrange(len(changed["workers"])))
    worth = exact(gone["score"]) if case.problem != "cover" else sum(map(exact, gone["coverage"]), Fraction(0))
    if draw.random() < 0.5:
        return Related(case.on(changed), ">=")
    return Related(case.on(changed), "<=", plus=worth)


@_relation("only the hired")
def _only_hired(case: Case, base: Reply, draw: random.Random) -> Related | None:
    """Those that are not hired can leave."""
    if not base.proved or base.point is None or case.problem == "opt-frac":
        return None
    changed = _copy(case.document)
    hired = [row for row, j in zip(changed["workers"], base.point, strict=True) if j >= 0 or draw.random() < 0.3]
    return Related(case.on(changed | {"workers": hired})) if hired else None


@_relation("doubled workers")
def _doubled_workers(case: Case, base: Reply, draw: random.Random) -> Related:
    changed = _copy(case.document)
    changed["workers"] += [dict(row, id=f"{row['id']}*") for row in changed["workers"]]
    return Related(case.on(changed), "<=")


@_relation("everything doubled", "orp", "opt", "opt-frac", "opt-sep")
def _everything_doubled(case: Case, base: Reply, draw: random.Random) -> Related:
    changed = _copy(case.document)
    changed["workers"] += [dict(row, id=f"{row['id']}*") for row in changed["workers"]]
    for row in changed["requesters"]:
        row["budget"] = literal(2 * exact(row["budget"]))
        if row.get("seats") is not None:
            row["seats"] *= 2
    for row in changed["caps"]:
        row["cap"] *= 2
    # ORP is integral, so both are linear programs, whose value doubles.
    return Related(case.on(changed), "=" if case.problem in ("orp", "opt-frac") else "<=", Fraction(1, 2))


@_relation("side by side", "orp", "opt-sep")
def _side_by_side(case: Case, base: Reply, draw: random.Random) -> Related | None:
    """Two copies of a market that cannot meet."""
    document = case.document
    if len(document["workers"]) > 60:
        return None
    changed = _copy(document)
    groups = sorted({row["group"] for row in document["workers"]})
    changed.pop("groups", None)
    changed["workers"] += [dict(row, id=f"{row['id']}*", group=f"{row['group']}*") for row in document["workers"]]
    changed["requesters"] += [dict(row, id=f"{row['id']}*") for row in document["requesters"]]
    changed["caps"] += [
        dict(row, group=f"{row['group']}*", requester=f"{row['requester']}*") for row in document.get("caps", [])
    ]
    for group in groups:
        for row in document["requesters"]:
            changed["caps"].append({"group": f"{group}*", "requester": row["id"], "cap": 0})
            changed["caps"].append({"group": group, "requester": f"{row['id']}*", "cap": 0})
    return Related(case.on(changed), factor=Fraction(1, 2))


@_relation("dominated duplicate")
def _dominated(case: Case, base: Reply, draw: random.Random) -> Related | None:
    """As many better workers as the group has places leave none for a worse one; else one more worker can only help."""
    changed = _copy(case.document)
    model = draw.choice(changed["workers"])
    worse = dict(model, id=_fresh(_ids(changed, "workers"), f"{model['id']}-"))
    worse["score"] = literal(exact(model["score"]) * draw.choice([1, Fraction(1, 2), Fraction(9, 10)]))
    worse["cost"] = literal(exact(model["cost"]) + draw.choice([0, 1, Fraction(1, 7)]))
    worse.pop("bid", None)
    room = _group_room(case.document, model["group"])
    better = [
        row
        for row in changed["workers"]
        if row["group"] == model["group"]
        and exact(row["score"]) >= exact(worse["score"])
        and exact(row["cost"]) <= exact(worse["cost"])
        and all(exact(a) >= exact(b) for a, b in zip(row.get("coverage", []), worse.get("coverage", []), strict=True))
    ]
    changed["workers"].insert(draw.randint(0, len(changed["workers"])), worse)
    return Related(case.on(changed), "=" if room is not None and len(better) >= room else "<=")


@_relation("unaffordable worker", "opt", "opt-sep", "cover")
def _unaffordable(case: Case, base: Reply, draw: random.Random) -> Related:
    changed = _copy(case.document)
    model = draw.choice(changed["workers"])
    total = sum((exact(row["budget"]) for row in changed["requesters"]), Fraction(0))
    dear = dict(model, id=_fresh(_ids(changed, "workers"), "dear"))
    dear["cost"] = literal(total + draw.choice([Fraction(1), Fraction(1, 10**12), Fraction(10**25)]))
    dear["score"] = literal(exact(model["score"]) * draw.choice([1, 10**9]))
    changed["workers"].insert(draw.randint(0, len(changed["workers"])), dear)
    return Related(case.on(changed))


@_relation("cost lowered")
def _cost_lowered(case: Case, base: Reply, draw: random.Random) -> Related:
    changed = _copy(case.document)
    row = draw.choice(changed["workers"])
    row["cost"] = literal(exact(row["cost"]) * draw.choice([0, Fraction(1, 2), Fraction(99, 100)]))
    row.pop("bid", None)
    return Related(case.on(changed), "=" if case.problem == "orp" else "<=")


@_relation("score raised", "orp", "opt", "opt-frac", "opt-sep")
def _score_raised(case: Case, base: Reply, draw: random.Random) -> Related:
    changed = _copy(case.document)
    row = draw.choice(changed["workers"])
    more = draw.choice([Fraction(1), Fraction(1, 1000), exact(row["score"])])
    row["score"] = literal(exact(row["score"]) + more)
    if draw.random() < 0.5:
        return Related(case.on(changed), "<=")
    return Related(case.on(changed), ">=", plus=-more)


@_relation("scores as coverage", "opt")
def _as_coverage(case: Case, base: Reply, draw: random.Random) -> Related | None:
    """Where everybody covers a place of its own, coverage adds up like scores."""
    n = len(case.document["workers"])
    if n > 12:
        return None
    changed = _copy(case.document)
    for i, row in enumerate(changed["workers"]):
        row["coverage"] = [row["score"] if i == r else 0 for r in range(n)]
    return Related(case.on(changed, "cover"))
