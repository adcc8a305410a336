"""Methods that lie in every way they could: none is reported as proved, and its point and bound are never believed."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from fedmech import Market, solve
from fedmech.solvers import registry
from fedmech.solvers.feasibility import CheckError, check_feasible, check_shares
from fedmech.solvers.proofs.proof import Proof, ProofError, check_bound
from fedmech.solvers.registry import Method
from fedmech.solvers.solution import Enumerated, Found, SolverClaim

DEFAULTS = {"orp": "matroid", "opt": "pooled", "opt-frac": "parametric", "opt-sep": "loss-search", "cover": "facility"}
PROVED = ("checked", "enumerated")


def market(costs: str = "2431524") -> Market:
    """Seven workers, two requesters; caps and budgets bind, and hiring all is worth more than any optimum."""
    return Market.build(
        scores=[5, 7, 4, 9, 6, 3, 8],
        costs=[int(c) for c in costs],
        groups=list("aabbbaa"),
        budgets=[5, 4],
        caps=[[1, 2], [2, 1]],
        coverage=[[3, 0, 1], [0, 4, 1], [2, 2, 0], [5, 0, 0], [0, 0, 6], [1, 1, 1], [0, 5, 2]],
    )


MARKET = market()
TRUTH = {problem: solve(MARKET, problem).value for problem in DEFAULTS}
HONEST = {problem: registry.find_method(problem, name) for problem, name in DEFAULTS.items()}


def honest(problem: str, on: Market = MARKET) -> Found:
    """What the default method finds, with a proof."""
    from fedmech.solvers.control import Control

    return HONEST[problem].solve(on, Control())


def proof_of(problem: str, on: Market = MARKET) -> Proof:
    """A proof of the optimum that the checker accepts."""
    proof = solve(on, problem).proof
    assert proof is not None
    check_bound(proof, on)
    return proof


def worse_point(problem: str) -> Any:
    """A feasible point below the optimum."""
    if problem == "opt-frac":
        return {(0, 0): Fraction(1)}
    point = np.full(MARKET.n, -1, dtype=np.int64)
    point[0] = 0
    return point


Lie = Callable[[str], Any]


def lowered(problem: str, **changes: Any) -> Found:
    """A worse point, and a bound lowered to its value, with whatever evidence."""
    point = worse_point(problem)
    value = check_shares(MARKET, point) if problem == "opt-frac" else check_feasible(MARKET, problem, point)
    return Found(point, bound=value, **changes)


def another_bound(problem: str, bound: Any) -> Found:
    return lowered(problem, evidence=replace(proof_of(problem), bound=bound))


POINTS: dict[str, Any] = {
    "none": None,
    "too short": np.array([0, -1]),
    "empty": np.array([], dtype=np.int64),
    "floats": np.zeros(7),
    "not numbers": np.full(7, np.nan),
    "truth values": np.ones(7, dtype=bool),
    "a matrix": np.zeros((7, 2), dtype=np.int64),
    "texts": np.array(["0"] * 7),
    "objects": np.array([0] * 7, dtype=object),
    "unsigned": np.zeros(7, dtype=np.uint8),
    "a requester too many": np.full(7, 2),
    "below -1": np.full(7, -2),
    "everybody at one": np.zeros(7, dtype=np.int64),
    "a ragged list": [0, [0], 0],
    "a list": [0, 0, 0, 0, 0, 0, 0],
    "a text": "0000000",
    "a number": 3,
    "shares of a whole problem": {(0, 0): Fraction(1)},
    "shares above one": {(0, 0): Fraction(3)},
    "negative shares": {(0, 0): Fraction(1), (1, 0): Fraction(-1)},
    "shares of floats": {(0, 0): 0.5},
    "shares not a number": {(0, 0): float("nan")},
    "shares of nobody": {(99, 0): Fraction(1)},
    "shares at nobody": {(0, 99): Fraction(1)},
    "shares of the last counted from behind": {(-1, 1): Fraction(1), (6, 1): Fraction(1)},
}
"""Points that no method ought to return."""

BOUNDS: dict[str, Any] = {
    "none": None,
    "below zero": Fraction(-1),
    "zero": Fraction(0),
}

LIES: dict[str, Lie] = {
    "a bound at a worse point": lowered,
    "an enumeration by a search": lambda problem: lowered(problem, evidence=Enumerated()),
    "a solver's claim": lambda problem: lowered(problem, evidence=SolverClaim()),
    "evidence that is a text": lambda problem: lowered(problem, evidence="proved"),
    "evidence that is true": lambda problem: lowered(problem, evidence=True),
    "its own bound, another's proof": lambda problem: lowered(problem, evidence=proof_of(problem)),
    "proof of a smaller bound": lambda problem: another_bound(problem, proof_of(problem).bound - 1),
    "proof of no bound": lambda problem: another_bound(problem, 0),
    "proof of less than nothing": lambda problem: another_bound(problem, -1),
    "proof of a float": lambda problem: another_bound(problem, float(proof_of(problem).bound) - 1),
    "proof of no number": lambda problem: another_bound(problem, float("nan")),
    "proof of truth": lambda problem: another_bound(problem, True),
    "proof of a text": lambda problem: another_bound(problem, "1"),
    "proof of an array": lambda problem: another_bound(problem, np.int64(1)),
    "proof of None": lambda problem: another_bound(problem, None),
    "proof of dearer workers": lambda problem: lowered(problem, evidence=proof_of(problem, market("9991999"))),
    "proof without a body": lambda problem: lowered(problem, evidence=Proof(problem, proof_of(problem).kind, 5, {})),
    "proof whose body is None": lambda problem: lowered(
        problem, evidence=replace(proof_of(problem), bound=5, body=None)
    ),
    "proof whose body is a list": lambda problem: lowered(
        problem, evidence=replace(proof_of(problem), bound=5, body=[])
    ),
    "proof of an unknown kind": lambda problem: lowered(problem, evidence=Proof(problem, "vision", 5)),
    "proof of a kind that is a path": lambda problem: lowered(problem, evidence=Proof(problem, "..registry", 5)),
    "proof of a kind that is a list": lambda problem: lowered(problem, evidence=Proof(problem, ["tree"], 5)),  # type: ignore[arg-type]
    "proof for another problem": lambda problem: lowered(
        problem, evidence=replace(proof_of("orp" if problem != "orp" else "opt"), bound=5)
    ),
    "proof renamed from another problem": lambda problem: lowered(
        problem, evidence=replace(proof_of("opt" if problem != "opt" else "opt-sep"), problem=problem, bound=5)
    ),
    "stopped for a reason of its own": lambda problem: lowered(problem, stopped="certainly"),
}
LIES |= {
    f"point: {name}": lambda problem, point=point: replace(honest(problem), point=point)
    for name, point in POINTS.items()
}
LIES |= {
    f"bound: {name}": lambda problem, bound=bound: Found(worse_point(problem), bound) for name, bound in BOUNDS.items()
}

MALFORMED: dict[str, Lie] = {
    "nothing at all": lambda problem: None,
    "a pair": lambda problem: (worse_point(problem), Fraction(5)),
    "a text": lambda problem: "optimal",
    "the class itself": lambda problem: Found,
}
MALFORMED |= {
    f"bound: {name}": lambda problem, bound=bound: Found(worse_point(problem), bound)
    for name, bound in {
        "infinite": float("inf"),
        "not a number": float("nan"),
        "a float": 5.0,
        "a text": "5",
        "a complex number": 5j,
        "an array": np.array([5]),
    }.items()
}


@pytest.fixture
def tell(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Lie], Any]:
    """Register a liar for a while, and solve with it."""

    def told(problem: str, lie: Lie, exactness: str = "checked") -> Any:
        method = Method(problem, "liar", lambda market, control: lie(problem), "lies", exactness=exactness)
        monkeypatch.setitem(registry._METHODS, (problem, "liar"), method)
        return solve(MARKET, problem, "liar", allow_suboptimal=True)

    return told


def believed(solution: Any, problem: str) -> None:
    """What may be said after a lie: a feasible point of the stated value, a bound that holds, proved only what is true."""
    if solution.value is not None:
        if problem == "opt-frac":
            assert check_shares(MARKET, solution.shares) == solution.value
        else:
            assert check_feasible(MARKET, problem, solution.assignment) == solution.value
        assert solution.value <= TRUTH[problem]
    if solution.exactness in PROVED and solution.bound is not None:
        assert solution.bound >= TRUTH[problem]
    if solution.status == "optimal" and solution.value != TRUTH[problem]:
        assert solution.exactness == "solver"
    assert solution.exactness != "enumerated"


@pytest.mark.parametrize("problem", DEFAULTS)
@pytest.mark.parametrize("name", LIES)
def test_no_lie_is_proved(tell: Any, problem: str, name: str) -> None:
    believed(tell(problem, LIES[name]), problem)


@pytest.mark.parametrize("problem", DEFAULTS)
@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_answer_at_all_is_a_defect_that_is_said(tell: Any, problem: str, name: str) -> None:
    with pytest.raises(CheckError, match=f"^{problem} by liar: "):
        tell(problem, MALFORMED[name])


@pytest.mark.parametrize("problem", DEFAULTS)
def test_a_solver_is_taken_at_its_word_and_not_called_proved(tell: Any, problem: str) -> None:
    solution = tell(problem, LIES["a solver's claim"])
    assert solution.status == "optimal"
    assert solution.exactness == "solver"


@pytest.mark.parametrize("problem", DEFAULTS)
def test_a_refused_proof_is_said(tell: Any, problem: str) -> None:
    """The best bound that did check stands beside the reason, and the proof is kept for whoever looks into it."""
    solution = tell(problem, LIES["proof of a smaller bound"])
    assert solution.status == "feasible"
    assert solution.stopped == "unproved"
    assert solution.refused is not None
    assert solution.failure is not None
    assert solution.bound is not None
    assert solution.bound >= TRUTH[problem]


@pytest.mark.parametrize("problem", DEFAULTS)
def test_what_a_method_raises_is_raised(tell: Any, problem: str) -> None:
    def fails(_: str) -> Any:
        raise ZeroDivisionError("no")

    with pytest.raises(ZeroDivisionError):
        tell(problem, fails)


def test_an_enumeration_that_returns_an_infeasible_point_is_refused(tell: Any) -> None:
    solution = tell("opt", lambda problem: Found(np.zeros(7, dtype=np.int64), evidence=Enumerated()), "enumerated")
    assert solution.status == "feasible"
    assert solution.value == 0
    assert solution.refused is not None
    assert solution.exactness == "checked"
    assert solution.bound >= TRUTH["opt"]


# ---------------------------------------------------------------------- resealed proofs


def places(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to everything inside a body."""
    inside = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in inside:
        yield (*path, key)
        yield from places(value, (*path, key))


def plain(value: Any) -> Any:
    """The body as lists and numbers that can be tampered with."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def tampered(body: Any, draw: random.Random) -> Any:
    """A body with something in it left out, doubled, or replaced."""
    changed = copy.deepcopy(body)
    if not changed:
        return draw.choice([{}, {"nodes": []}, {"": None}])
    *path, last = draw.choice(list(places(changed)))
    holder = changed
    for key in path:
        holder = holder[key]
    old = holder[last]
    new: Any
    match draw.choice(["drop", "twice", "odd", "number", "number", "number"]):
        case "drop":
            del holder[last]
            return changed
        case "twice" if isinstance(holder, list):
            holder.insert(last, copy.deepcopy(old))
            return changed
        case "number" if isinstance(old, int) and not isinstance(old, bool):
            new = draw.choice([old + 1, old - 1, 0, -old, 2 * old, old + 2**63, 10**30])
        case _:
            new = draw.choice([None, [], {}, "", True, 0, -1, 0.5, float("nan"), [old], 2**64])
    holder[last] = new
    return changed


@pytest.mark.parametrize("problem", DEFAULTS)
@pytest.mark.parametrize("binding", [False, True])
def test_tampered_proofs_of_less_than_the_truth_are_refused(problem: str, binding: bool) -> None:
    """Whatever is changed in an accepted proof, a bound below the optimum is refused, with the checker's own error."""
    seats = [2, 1] if binding else None
    one = Market.build(
        scores=[5, 7, 4, 9, 6, 3, 8, 2, 6],
        costs=[2, 4, 3, 1, 5, 2, 4, 1, 3],
        groups=list("aabbbaabb"),
        budgets=[6, 4],
        caps=[[1, 2], [2, 1]],
        seats=seats,
        coverage=[[3, 0, 1], [0, 4, 1], [2, 2, 0], [5, 0, 0], [0, 0, 6], [1, 1, 1], [0, 5, 2], [1, 0, 0], [2, 2, 2]],
    )
    proof, draw = proof_of(problem, one), random.Random(f"{problem}/{binding}")
    body = plain(dict(proof.body))
    for _ in range(400):
        forged = replace(
            proof,
            bound=proof.bound - draw.choice([1, 1, Fraction(1, 7) if problem == "opt-frac" else 2]),
            body=tampered(body, draw),
        )
        with pytest.raises(ProofError):
            check_bound(forged, one)


@pytest.mark.parametrize("problem", DEFAULTS)
def test_untouched_proofs_are_accepted_and_lowered_ones_refused(problem: str) -> None:
    proof = proof_of(problem)
    check_bound(replace(proof, body=plain(dict(proof.body))), MARKET)
    check_bound(replace(proof, bound=proof.bound + 1), MARKET)
    with pytest.raises(ProofError):
        check_bound(replace(proof, bound=proof.bound - 1), MARKET)


@pytest.mark.parametrize("name", POINTS)
def test_the_points_are_refused_or_worse(name: str) -> None:
    point = POINTS[name]
    if isinstance(point, dict) and point != worse_point("opt-frac"):
        with pytest.raises(CheckError):
            check_shares(MARKET, point)
    elif isinstance(point, np.ndarray):
        with pytest.raises(CheckError):
            check_feasible(MARKET, "opt", point)
