"""Outcomes of DriftPay-CO: every one that the mechanism gives is accepted, and none with a field changed."""

from __future__ import annotations

import copy
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaign import some
from command_line import fedmech
from drawing import Numbers, generators, made_by, seeded
from fedmech import Market
from fedmech.commands.run import outcome_document
from fedmech.fl.mechanisms.interface import run_mechanism
from fedmech.models.procurement.file import write_market
from fedmech.models.procurement.generate import generate_market
from fedmech.solvers.proofs.outcome import Places, check_outcome, critical_prefix, ratio_order
from fedmech.solvers.proofs.proof import ProofError
from hypothesis import given, settings


def random_market(rng: Numbers) -> Market:
    """Ties of ratios and of scores, fractions, bids of nothing, empty groups, caps, seats; some numbers beyond 64 bits."""
    n, m, groups = int(rng.integers(0, 14)), int(rng.integers(1, 4)), int(rng.integers(1, 4))
    unit, scale = int(rng.choice([1, 3, 7])), int(rng.choice([1, 1, 1, 10**9, 10**20]) if rng.randrange(5) else 1)
    scores = [Fraction(int(x) * scale, unit) for x in rng.integers(1, 6, n)]
    bids = [Fraction(int(x)) for x in rng.integers(0, 9, n)]
    if by_ratio := rng.randrange(3) == 0:
        bids = [score * int(x) for score, x in zip(scores, rng.integers(0, 4, n), strict=True)]
    return Market.build(
        scores=scores,
        bids=bids,
        groups=rng.integers(0, groups, n).tolist(),
        group_ids=range(groups),
        budgets=[Fraction(int(x) * (scale if by_ratio else 1), 2) for x in rng.integers(0, 40, m)],
        caps=rng.integers(0, 4, (groups, m)).tolist(),
        seats=rng.integers(0, 4, m).tolist() if rng.randrange(2) else None,
    )


def outcome_of(market: Market) -> dict[str, Any]:
    return json.loads(json.dumps(outcome_document(market, run_mechanism(market, "driftpay-co"))))


@settings(max_examples=some(600))
@given(market=made_by(random_market))
def test_every_outcome_of_the_mechanism_is_accepted(market: Market) -> None:
    outcome = run_mechanism(market, "driftpay-co")
    found = check_outcome(outcome_of(market), market)
    assert found.k == outcome.details["k"]
    assert found.winners == tuple(outcome.winner_indices.tolist())
    assert (found.price, found.score) == (outcome.price, outcome.score)


@pytest.mark.parametrize("seat_share", [None, 0.6])
@pytest.mark.parametrize("kind", ["a", "c", "d", "lognormal"])
def test_larger_markets(kind: str, seat_share: float | None) -> None:
    market = generate_market(kind, 3000, seat_share=seat_share, seed=5)
    assert check_outcome(outcome_of(market), market).winners


def changes(value: Any) -> list[Any]:
    """Return other values for one field."""
    if isinstance(value, str):
        return [value + "0", value + " ", "", "1/3", "-" + value, f"{value}/1", None, 0, [value]]
    if isinstance(value, int | float):
        return [value + 1, value - 1, -value - 1, value / 2 + 1, str(value), None, True, value + 0.5]
    if value is None:
        return [0, "0", 1.0, []]
    return [None, {}, value[:-1], [*value, *value[:1]], [*value, {}], [*value, 3]]


@settings(max_examples=some(120))
@given(market=made_by(random_market))
def test_no_field_can_be_changed(market: Market) -> None:
    """Other seconds are no other outcome, nor is another requester who has room: all else is refused."""
    document = outcome_of(market)
    for name, value in document.items():
        for other in changes(value):
            if other == value and type(other) is type(value):
                continue
            changed = {**document, name: other}
            if name == "seconds" and type(other) in (int, float) and other >= 0:
                check_outcome(changed, market)
                continue
            with pytest.raises(ProofError):
                check_outcome(changed, market)
    for at, row in enumerate(document["winners"]):
        others: list[tuple[str, Any]] = [(name, other) for name, value in row.items() for other in changes(value)]
        others += [("worker", name) for name in market.worker_ids]
        for name, other in others:
            if other == row[name] and type(other) is type(row[name]):
                continue
            changed = copy.deepcopy(document)
            changed["winners"][at][name] = other
            with pytest.raises(ProofError):
                check_outcome(changed, market)
        for name in market.requester_ids:
            changed = copy.deepcopy(document)
            changed["winners"][at]["requester"] = name
            if fits(market, changed):
                check_outcome(changed, market)
                continue
            with pytest.raises(ProofError, match="exceeded"):
                check_outcome(changed, market)
    for name in document:
        with pytest.raises(ProofError):
            check_outcome({key: value for key, value in document.items() if key != name}, market)


def fits(market: Market, document: dict[str, Any]) -> bool:
    """Whether the placement of an outcome keeps caps and seats."""
    counts = np.zeros((market.L, market.m), dtype=int)
    for row in document["winners"]:
        worker = list(market.worker_ids).index(row["worker"])
        counts[market.group_of[worker], list(market.requester_ids).index(row["requester"])] += 1
    return bool((counts <= market.caps).all() and (counts.sum(axis=0) <= market.seats).all())


@settings(max_examples=40)
@given(one=made_by(random_market), two=made_by(random_market))
def test_the_outcome_of_another_market_is_refused(one: Market, two: Market) -> None:
    document = outcome_of(one)
    if document["winners"] and document != {**outcome_of(two), "seconds": document["seconds"]}:
        with pytest.raises(ProofError):
            check_outcome(document, two)


def test_outcomes_of_other_mechanisms_are_not_judged() -> None:
    market = random_market(seeded(4))
    document = {**outcome_of(market), "mechanism": "driftpay-no"}
    with pytest.raises(ProofError, match="only outcomes of driftpay-co"):
        check_outcome(document, market)
    for other in (None, 3, [], {}, "outcome"):
        with pytest.raises(ProofError):
            check_outcome(other, market)


@pytest.mark.parametrize("top", [3, 10, 2**31, 2**62, 10**30])
@settings(max_examples=60)
@given(rng=generators)
def test_ratios_that_differ_by_little_and_not_at_all(top: int, rng: Numbers) -> None:
    scores = [1 + int(x) * top // 1000 for x in rng.integers(0, 1000, 9)]
    bids = [int(x) * top // 1000 for x in rng.integers(0, 1000, 9)]
    scores += [top, top - 1, 2 * scores[0]]
    bids += [top - 1, top - 2, 2 * bids[0]]
    literal = sorted(range(12), key=lambda i: (Fraction(bids[i], scores[i]), i))
    assert ratio_order(bids, scores) == literal


@settings(max_examples=some(300))
@given(rng=generators)
def test_places_move_where_that_makes_room(rng: Numbers) -> None:
    """As many of a group as any placement admits, against all placements of small markets."""
    groups, m = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    caps, seats = rng.integers(0, 3, (groups, m)), rng.integers(0, 4, m)
    places, held = Places(caps.tolist(), seats.tolist()), [0] * groups
    for group in rng.integers(0, groups, 12).tolist():
        wanted = [number + (l == group) for l, number in enumerate(held)]
        # Hall's condition for flows: every set of groups finds room.
        room = all(
            sum(wanted[l] for l in range(groups) if chosen >> l & 1)
            <= sum(min(seats[j], sum(caps[l][j] for l in range(groups) if chosen >> l & 1)) for j in range(m))
            for chosen in range(1 << groups)
        )
        assert places.take(group) == room
        held = wanted if room else held
        taken = np.array(places.taken).reshape(groups, m)
        assert taken.sum(axis=1).tolist() == held
        assert (taken >= 0).all()
        assert (taken <= caps).all()
        assert (taken.sum(axis=0) <= seats).all()


def test_command_line(tmp_path: Path) -> None:
    market = generate_market("a", 30, seed=2)
    market_file, file = tmp_path / "m.market.json", tmp_path / "outcome.json"
    write_market(market, market_file)

    ran = fedmech("run", str(market_file), "--json")
    file.write_text(ran.stdout)
    checked = fedmech("check", str(file), str(market_file), "--json")
    assert checked.returncode == 0, checked.stderr
    answer = json.loads(checked.stdout)
    assert answer["valid"] is True
    assert answer["critical_price_exact"] == json.loads(ran.stdout)["critical_price_exact"]
    assert "valid" in fedmech("check", str(file), str(market_file)).stdout
    file.write_text(json.dumps({**json.loads(ran.stdout), "score_exact": "1"}))
    assert fedmech("check", str(file), str(market_file)).returncode == 1


def test_each_field_says_what_the_market_says() -> None:
    market = Market.build(
        scores=[3, 2, 2],
        bids=[2, 2, 4],
        budgets=[3, "7/2"],
        groups=["a", "a", "b"],
        caps={("a", "r1"): 1, ("a", "r2"): 1, ("b", "r1"): 1, ("b", "r2"): 1},
        seats=[1, 2],
    )
    document = outcome_of(market)
    assert len(check_outcome(document, market).winners) == 2
    first, second = document["winners"]
    assert {first["requester"], second["requester"]} == {"r1", "r2"}
    nothing = {name: value for name, value in document.items() if name != "score"}
    for changed, why in (
        (nothing, "other fields"),
        ({**document, "more": 1}, "other fields"),
        ({**document, "mechanism": "driftpay-no"}, "only outcomes of"),
        *(({**document, "seconds": x}, "seconds") for x in (-1, float("inf"), float("nan"), True, None, "1")),
        ({**document, "total_payment_exact": "1"}, "total_payment_exact"),
        ({**document, "total_payment": -1}, "total_payment"),
        ({**document, "score_exact": "6"}, "score_exact: '6' should be '5'"),
        ({**document, "score_exact": "6" * 58}, f"score_exact: '{'6' * 58}' should be '5'"),
        ({**document, "score_exact": "6" * 59}, rf"score_exact: '{'6' * 56}\.\.\. should be '5'"),
        ({**document, "score_exact": "6" * 99}, r"score_exact: '66+\.\.\. should be '5'"),
        ({**document, "score": 5.0}, "score: 5.0 should be 5"),
        ({**document, "score": 6}, "score: 6 should be 5"),
        ({**document, "critical_price_exact": "9"}, "critical_price_exact"),
        ({**document, "critical_price": 9}, "critical_price"),
        ({**document, "winners": None}, "must list"),
        ({**document, "winners": [first, 3]}, "must list"),
        ({**document, "winners": [first, {**second, "more": 1}]}, "must list"),
        ({**document, "winners": [first, {**second, "worker": 1}]}, "are names"),
        ({**document, "winners": [first, {**second, "requester": None}]}, "are names"),
        ({**document, "winners": [first, {**second, "worker": "w99"}]}, "is unknown"),
        ({**document, "winners": [first, {**second, "requester": "r3"}]}, "is unknown"),
        ({**document, "winners": [first]}, "others win"),
        ({**document, "winners": [first, second, second]}, "others win"),
        ({**document, "winners": [first, {**second, "requester": first["requester"]}]}, "exceeded"),
        ({**document, "winners": [first, {**second, "payment": -1}]}, "payment"),
        ({**document, "winners": [{**first, "payment_exact": "1/9"}, second]}, "payment_exact"),
    ):
        with pytest.raises(ProofError, match=why):
            check_outcome(changed, market)
    for x in (0, 0.0, 10**9):
        check_outcome({**document, "seconds": x}, market)


def test_one_cap_or_seat_too_many_is_enough() -> None:
    """The first of three winners has room where it is, the other two have not."""
    seated = Market.build(scores=[1, 1, 1], bids=[0, 0, 0], budgets=[1, 1], groups=["a", "b", "c"], seats=[1, 2])
    caps = {("a", "r1"): 1, ("a", "r2"): 2}
    capped = Market.build(scores=[1, 1, 1], bids=[0, 0, 0], budgets=[1, 1], groups=["a", "a", "a"], caps=caps)
    for market, why in ((seated, "seats"), (capped, "a cap")):
        document = outcome_of(market)
        assert len(document["winners"]) == 3
        for requesters, right in (
            (("r1", "r2", "r2"), True),
            (("r2", "r2", "r1"), True),
            (("r2", "r1", "r1"), False),
            (("r1", "r1", "r2"), False),
            (("r2", "r2", "r2"), False),
        ):
            rows = [{**row, "requester": name} for row, name in zip(document["winners"], requesters, strict=True)]
            if right:
                check_outcome({**document, "winners": rows}, market)
                continue
            with pytest.raises(ProofError, match=why):
                check_outcome({**document, "winners": rows}, market)


def test_the_budget_is_met_to_the_unit_or_nobody_wins() -> None:
    for budget, k in ((10, 2), (9, 1), (5, 1), (4, 0)):
        market = Market.build(scores=[1, 1], bids=[5, 5], budgets=[budget])
        assert critical_prefix(market, lambda: None)[0] == k
        assert check_outcome(outcome_of(market), market).k == k
    unequal = Market.build(scores=[1, 1], bids=[1, 9], budgets=[10])
    assert critical_prefix(unequal, lambda: None) == (1, [0], 9)
    nobody = Market.build(scores=[], bids=[], budgets=[10])
    assert critical_prefix(nobody, lambda: None) == (0, [], None)
    seated = Market.build(scores=[1, 5, 5], bids=[0, 0, 0], budgets=[10], seats=[1])
    assert critical_prefix(seated, lambda: None) == (3, [1], 2)


def test_all_ratios_of_small_numbers() -> None:
    """Scores fill their bits, so that ratios lie as close as they can; the larger of two comes first and last."""
    for bits in (1, 2, 3, 4):
        pairs = [(bid, score) for bid in range(1 << bits) for score in range(1, 1 << bits)]
        for order in (pairs, pairs[::-1], sorted(pairs, key=lambda pair: -Fraction(*pair))):
            bids, scores = [bid for bid, _ in order], [score for _, score in order]
            literal = sorted(range(len(order)), key=lambda i: (Fraction(*order[i]), i))
            assert ratio_order(bids, scores) == literal


def test_the_recomputation_can_be_stopped() -> None:
    market = next(market for market in map(random_market, map(seeded, range(99))) if market.n > 4)

    class Halt(Exception):
        pass

    def halt() -> None:
        raise Halt

    with pytest.raises(Halt):
        check_outcome(outcome_of(market), market, halt)
