"""The protocol of an auctioned round, without Flower: its order, exact payments, delivery."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest
import torch
from fedmech import Market, run_mechanism
from fedmech.fl.data.load import load_dataset
from fedmech.fl.flower import Auction, Terms, drift_scorer
from fedmech.fl.scoring.drift_score import drift_scores
from fedmech.fl.scoring.probe import draw_probe
from fedmech.fl.training.architectures import architecture
from fedmech.fl.training.parameters import stack
from fedmech.models.input_error import InputError

TERMS = Terms({"a": "5", "b": "2.5"}, seats={"b": 1}, cap=2)
SCORES = {7: "0.9", 3: "0.8", 11: 1, 2**63 + 5: "0.5", 4: "1/3"}
BIDS = {7: ("1.1", "x"), 3: ("0.1", "x"), 11: (2, "y"), 2**63 + 5: ("0.7", "y"), 4: ("0.3", "x")}


def held(terms=TERMS, bids=BIDS):
    auction = Auction(terms)
    auction.score(SCORES)
    for node, (bid, group) in bids.items():
        auction.bid(node, bid, group)
    return auction


@pytest.mark.parametrize("mechanism", ["driftpay-co", "driftpay-no", "lowest-bid", "drop-top"])
def test_payments_are_those_of_the_mechanism_on_the_same_market(mechanism):
    terms = Terms(TERMS.budgets, mechanism, {}, TERMS.seats, TERMS.cap)
    auction = held(terms)
    contracts = auction.close()
    nodes = sorted(BIDS)
    market = Market.build(
        scores=[SCORES[node] for node in nodes],
        bids=[BIDS[node][0] for node in nodes],
        groups=[BIDS[node][1] for node in nodes],
        budgets=["5", "2.5"],
        seats=[None, 1],
        default_cap=2,
        worker_ids=[str(node) for node in nodes],
        requester_ids=["a", "b"],
    )
    wanted = run_mechanism(market, mechanism)
    assert {str(c.node): c.payment for c in contracts} == wanted.payments
    assert contracts
    for requester, seats in (("a", 5), ("b", 1)):
        mine = [c for c in contracts if c.requester == requester]
        assert len(mine) <= seats
        for group in "xy":
            assert sum(BIDS[c.node][1] == group for c in mine) <= 2
    assert all(c.payment >= F(BIDS[c.node][0]) for c in contracts)
    settled = auction.settle([c.node for c in contracts])
    assert [F(row["paid"]) for row in settled] == [c.payment for c in contracts]
    assert [row["node"] for row in settled] == [str(c.node) for c in contracts]


def test_who_does_not_deliver_is_not_paid():
    auction = held()
    contracts = auction.close()
    assert len(contracts) >= 2
    late = contracts[0].node
    settled = auction.settle([c.node for c in contracts[1:]])
    assert [(row["paid"], row["delivered"]) for row in settled if row["node"] == str(late)] == [("0", False)]
    assert F(settled[0]["promised"]) == contracts[0].payment > 0
    assert all(F(row["paid"]) == c.payment for row, c in zip(settled[1:], contracts[1:], strict=True))
    with pytest.raises(InputError, match="without having been hired"):
        auction.settle([12345])


def test_the_order_is_kept():
    auction = Auction(TERMS)
    with pytest.raises(InputError, match="after the scores are fixed"):
        auction.bid(7, "1")
    with pytest.raises(InputError, match="nobody has been hired"):
        auction.settle([])
    auction.score(SCORES)
    with pytest.raises(InputError, match="fixed once a round"):
        auction.score(SCORES)
    with pytest.raises(InputError, match="has no score"):
        auction.bid(8, "1")
    auction.bid(7, "1")
    auction.close()
    with pytest.raises(InputError, match="is closed"):
        auction.bid(3, "1")
    with pytest.raises(InputError, match="is closed"):
        auction.close()


@pytest.mark.parametrize(
    ("bid", "reason"),
    [(0.1, "exact numbers are texts"), ("cheap", "number"), ("-1", ">= 0"), (True, "exact"), ("nan", ""), (None, "")],
)
def test_a_bid_that_is_no_exact_amount_puts_its_node_out_and_nobody_else(bid, reason):
    auction = held(bids={**BIDS, 7: (bid, "x")})
    assert list(auction.refused) == [7]
    assert reason in auction.refused[7]
    without = held(bids={node: value for node, value in BIDS.items() if node != 7})
    assert auction.close() == without.close()


def test_who_bids_twice_is_out():
    auction = held()
    auction.bid(7, "0.01", "x")
    auction.bid(7, "0.02", "x")
    assert auction.refused == {7: "it bid twice"}
    assert 7 not in {c.node for c in auction.close()}


def test_nobody_bids_and_nobody_is_hired():
    auction = held(bids={})
    assert auction.close() == []
    assert auction.settle([]) == []
    assert auction.outcome is None


@pytest.mark.parametrize("scores", [{1: 0}, {1: "-1"}, {1: 0.5}, {1: "many"}])
def test_scores_are_positive_and_exact(scores):
    with pytest.raises(InputError) as refused:
        Auction(TERMS).score(scores)
    assert (refused.value.row, refused.value.field) == ("node 1", "score")


@pytest.mark.parametrize(
    "wrong", [{"budgets": {}}, {"budgets": {"a": 1}, "seats": {"b": 1}}, {"budgets": {"a": 1}, "mechanism": "luck"}]
)
def test_terms_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError):
        Terms(**wrong)


def test_drift_is_measured_by_the_platform_and_unsound_updates_get_no_score():
    data = load_dataset("digits")
    probe = draw_probe(data, 20, 1)
    model = architecture("softmax", data.input_shape, data.classes)
    start, others = model.initial(0), [model.initial(seed) for seed in (1, 2)]
    arrays = [{name: tensor.numpy() for name, tensor in one.items()} for one in (start, *others)]
    scorer = drift_scorer(model, probe)
    broken = {name: array * np.float32("nan") for name, array in arrays[1].items()}
    short = {"output.weight": arrays[1]["output.weight"]}
    wrong = {name: array[:1] for name, array in arrays[1].items()}
    whole = {name: array.astype(np.int64) for name, array in arrays[1].items()}
    updates = {9: arrays[1], 5: arrays[2], 1: broken, 2: short, 3: wrong, 4: whole, 6: arrays[0]}
    found = scorer(arrays[0], updates)
    raw = drift_scores(model, start, stack([others[1], start, others[0]]), probe)
    assert found == {node: f"{(1 + value) / 2:.6f}" for node, value in zip((5, 6, 9), raw, strict=True)}
    assert found[6] == "1.000000"
    assert scorer(arrays[0], {1: broken}) == {}
    assert torch.is_tensor(start["output.weight"])
