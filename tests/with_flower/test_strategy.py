"""Flower's side of an auction, on a grid that is not there: order of messages, exact payments, delivery, going on.

Needs ``flwr``; not part of the default run (``pytest tests/with_flower``).
"""

from __future__ import annotations

import importlib
import re
import sys
from fractions import Fraction as F
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fedmech import Market, run_mechanism
from fedmech.fl.flower import AuctionFedAvg, Terms
from fedmech.models.input_error import InputError
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Error, Message, MetricRecord, RecordDict  # pyright: ignore[reportMissingImports]
from flwr.serverapp import Grid  # pyright: ignore[reportMissingImports]
from flwr.supercore.task_identity import TaskIdentity  # pyright: ignore[reportMissingImports]

BIG = 2**63 + 3
NODES = [5, 9, 2, BIG]
BIDS = {5: "0.5", 9: "0.1", 2: "0.9", BIG: "1/3"}
SCORES = {5: "0.7", 9: "0.4", 2: "1", BIG: "0.6"}


class FakeGrid(Grid):
    """Nodes that add their number of rounds asked to the model, and a log of all that was asked."""

    def __init__(self, bids: dict[int, Any] | None = None, silent: tuple = (), wrong: tuple = (), mute: tuple = ()):
        self.bids = BIDS if bids is None else bids
        self.silent, self.wrong, self.mute = silent, wrong, mute
        self.log: list[tuple[str, int, dict]] = []

    def set_run(self, run: Any) -> None: ...

    @property
    def run(self) -> Any: ...

    def create_message(self, *given: Any, **named: Any) -> Any: ...

    def push_messages(self, messages: Any) -> list[str]:
        return []

    def pull_messages(self, message_ids: Any) -> list[Message]:
        return []

    def get_node_ids(self) -> list[int]:
        return NODES

    def send_and_receive(self, messages: Any, *, timeout: float | None = None) -> list[Message]:
        return [reply for message in messages if (reply := self.answer(message)) is not None]

    def answer(self, message: Message) -> Message | None:
        node, kind = message.metadata.dst_node_id, message.metadata.message_type
        config = dict(message.content.config_records["config"])
        self.log.append((kind, node, config))
        if kind == "query.score":
            if node in self.mute:
                return None
            content = RecordDict({"arrays": message.content["arrays"], "config": ConfigRecord({"group": "all"})})
        elif kind == "query.bid":
            assert "arrays" not in message.content
            content = RecordDict({"config": ConfigRecord({"bid": self.bids[node]})})
        elif kind == "train":
            if node in self.silent:
                reply = Message(Error(1, "gone"), reply_to=message)
                reply.metadata.__dict__["_src_node_id"] = node
                return reply
            arrays = {
                name: Array(value.numpy() + np.float32(node % 7)) if node not in self.wrong else Array(np.zeros(1))
                for name, value in message.content["arrays"].items()
            }
            metrics = MetricRecord({"num-examples": float(10 + node % 3)})
            content = RecordDict({"arrays": ArrayRecord(arrays), "metrics": metrics})
        else:
            content = RecordDict({"metrics": MetricRecord({"num-examples": 1.0, "loss": 0.0})})
        reply = Message(content, reply_to=message)
        reply.metadata.__dict__["_src_node_id"] = node
        return reply


@pytest.fixture(autouse=True)
def a_run():
    TaskIdentity.run_id, TaskIdentity.node_id = 1, 1
    TaskIdentity.task_id = 1


def scorer(model: Any, updates: Any) -> Any:
    return {node: SCORES[node] for node in updates}


def initial() -> ArrayRecord:
    return ArrayRecord({"w": Array(np.zeros((2, 3), dtype=np.float32)), "b": Array(np.ones(2, dtype=np.float32))})


def strategy(terms: Terms | None = None, **named: Any) -> AuctionFedAvg:
    terms = Terms({"r": "2"}, cap=None) if terms is None else terms
    return AuctionFedAvg(terms, scorer, min_available_nodes=4, **{"fraction_evaluate": 0.0, **named})


def market(nodes: list[int], budgets: dict[str, str], bids: dict[int, Any] = BIDS) -> Market:
    nodes = sorted(nodes)
    return Market.build(
        scores=[SCORES[node] for node in nodes], bids=[bids[node] for node in nodes], budgets=list(budgets.values()),
        requester_ids=list(budgets), worker_ids=[str(node) for node in nodes],
    )  # fmt: skip


def paid(record: MetricRecord) -> dict[int, F]:
    columns: Any = [record[name] for name in ("nodes", "payment-numerators", "payment-denominators")]
    return {node: F(above, below) for node, above, below in zip(*columns, strict=True)}


def test_scores_first_then_bids_then_training_of_the_winners():
    grid, auction = FakeGrid(), strategy()
    result = auction.start(grid, initial(), num_rounds=1)
    wanted = run_mechanism(market(NODES, {"r": "2"}), "driftpay-co").payments
    winners = sorted(int(node) for node in wanted)
    assert 0 < len(winners) < 4
    kinds = [(kind, node) for kind, node, _ in grid.log]
    order = sorted(NODES)
    assert kinds == [
        *(("query.score", node) for node in order), *(("query.bid", node) for node in order),
        *(("train", node) for node in winners),
    ]  # fmt: skip
    # Nobody is shown a score or a bid; winners are told what is due to them.
    for kind, node, config in grid.log:
        assert set(config) <= {"server-round", "requester", "payment"}
        assert config["server-round"] == 1
        if kind == "train":
            assert F(config["payment"]) == wanted[str(node)]
    record = result.train_metrics_clientapp[1]
    assert paid(record) == {int(node): payment for node, payment in wanted.items()}
    assert record["paid"] == pytest.approx(float(sum(wanted.values())))
    assert (record["winners"], record["delivered"], record["refused"]) == (len(winners), len(winners), 0)
    weights = np.array([10 + node % 3 for node in winners], dtype=float)
    moved = float(np.dot(weights / weights.sum(), [node % 7 for node in winners]))
    assert result.arrays["w"].numpy() == pytest.approx(np.full((2, 3), moved), abs=1e-6)
    assert result.arrays["b"].numpy() == pytest.approx(np.full(2, 1 + moved), abs=1e-6)
    assert result.arrays["w"].numpy().dtype == np.float32


@pytest.mark.parametrize("how", ["silent", "wrong"])
def test_who_does_not_deliver_is_unpaid_and_not_averaged(how):
    wanted = run_mechanism(market(NODES, {"r": "2"}), "driftpay-co").payments
    winners = sorted(int(node) for node in wanted)
    out = winners[0]
    auction = strategy()
    grid = FakeGrid(silent=(out,)) if how == "silent" else FakeGrid(wrong=(out,))
    result = auction.start(grid, initial(), num_rounds=1)
    record = result.train_metrics_clientapp[1]
    assert paid(record) == {node: F(0) if node == out else wanted[str(node)] for node in winners}
    assert record["delivered"] == len(winners) - 1
    rest = winners[1:]
    weights = np.array([10 + node % 3 for node in rest], dtype=float)
    moved = float(np.dot(weights / weights.sum(), [node % 7 for node in rest]))
    assert result.arrays["w"].numpy() == pytest.approx(np.full((2, 3), moved), abs=1e-6)
    assert [row["promised"] for row in auction.settlements[0]] == [str(wanted[str(node)]) for node in winners]


def test_who_hands_no_update_in_is_not_asked_for_a_bid():
    grid, auction = FakeGrid(mute=(2,)), strategy()
    result = auction.start(grid, initial(), num_rounds=1)
    assert ("query.bid", 2) not in {(kind, node) for kind, node, _ in grid.log}
    wanted = run_mechanism(market([5, 9, BIG], {"r": "2"}), "driftpay-co").payments
    assert paid(result.train_metrics_clientapp[1]) == {int(node): value for node, value in wanted.items()}


@pytest.mark.parametrize("bid", [0.5, "cheap", "-1"])
def test_a_bid_that_is_no_exact_amount_leaves_the_others(bid):
    result = strategy().start(FakeGrid(bids={**BIDS, 5: bid}), initial(), num_rounds=1)
    wanted = run_mechanism(market([9, 2, BIG], {"r": "2"}), "driftpay-co").payments
    assert paid(result.train_metrics_clientapp[1]) == {int(node): value for node, value in wanted.items()}
    assert result.train_metrics_clientapp[1]["refused"] == 1


def test_several_requesters_have_a_model_each():
    terms = Terms({"a": "0.6", "b": "0.9"}, "driftpay-no")
    auction = strategy(terms)
    result = auction.start(FakeGrid(), initial(), num_rounds=2)
    outcome = run_mechanism(market(NODES, dict(terms.budgets)), "driftpay-no")
    assert len(set(outcome.requesters.values())) == 2
    moved = {}
    for name in terms.requesters:
        mine = [int(node) for node, requester in outcome.requesters.items() if requester == name]
        weights = np.array([10 + node % 3 for node in mine], dtype=float)
        # The same market twice, so the same step twice.
        moved[name] = 2 * float(np.dot(weights / weights.sum(), [node % 7 for node in mine]))
        assert auction.models[name]["w"].numpy() == pytest.approx(np.full((2, 3), moved[name]), abs=1e-5)
    assert result.arrays["w"].numpy() == pytest.approx(np.full((2, 3), (moved["a"] + moved["b"]) / 2), abs=1e-5)
    for settlement in auction.settlements:
        assert {row["node"]: row["requester"] for row in settlement} == outcome.requesters
        assert {row["node"]: F(row["paid"]) for row in settlement} == outcome.payments


def test_a_run_that_stopped_goes_on_from_its_checkpoint(tmp_path):
    terms = Terms({"a": "0.6", "b": "0.9"}, "driftpay-no")
    whole = strategy(terms)
    wanted = whole.start(FakeGrid(), initial(), num_rounds=3)
    file = tmp_path / "run.npz"
    strategy(terms, checkpoint=file).start(FakeGrid(), initial(), num_rounds=1)
    again, grid = strategy(terms, checkpoint=file), FakeGrid()
    result = again.start(grid, initial(), num_rounds=3)
    assert {config["server-round"] for _, _, config in grid.log} == {2, 3}
    assert again.settlements == whole.settlements
    assert len(again.settlements) == 3
    for name in ("w", "b"):
        assert (result.arrays[name].numpy() == wanted.arrays[name].numpy()).all()
    done = strategy(terms, checkpoint=file)
    quiet = FakeGrid()
    done.start(quiet, initial(), num_rounds=3)
    assert quiet.log == []
    assert done.settlements == whole.settlements
    with pytest.raises(InputError, match="checkpoint of other settings: budgets"):
        strategy(Terms({"a": "0.6", "b": "1"}, "driftpay-no"), checkpoint=file).start(grid, initial(), num_rounds=3)
    other = ArrayRecord({"w": Array(np.zeros(4, dtype=np.float32))})
    with pytest.raises(InputError, match="not a checkpoint of this model"):
        strategy(terms, checkpoint=file).start(grid, other, num_rounds=4)


def test_no_money_no_training():
    grid, auction = FakeGrid(), strategy(Terms({"r": 0}))
    result = auction.start(grid, initial(), num_rounds=1)
    assert not [kind for kind, _, _ in grid.log if kind == "train"]
    assert (result.arrays["w"].numpy() == 0).all()
    assert result.train_metrics_clientapp[1]["winners"] == 0


def test_nodes_evaluate_under_the_number_of_the_round(tmp_path):
    file = tmp_path / "run.npz"
    strategy(checkpoint=file).start(FakeGrid(), initial(), num_rounds=1)
    grid = FakeGrid()
    strategy(checkpoint=file, fraction_evaluate=1.0).start(grid, initial(), num_rounds=2)
    asked = [(node, config["server-round"]) for kind, node, config in grid.log if kind == "evaluate"]
    assert sorted(asked) == [(node, 2) for node in sorted(NODES)]


@pytest.mark.parametrize("name", ["fraction_train", "min_train_nodes"])
def test_nobody_else_decides_who_trains(name):
    drawn: dict[str, Any] = {name: 1}
    with pytest.raises(InputError, match="the auction decides who trains"):
        strategy(**drawn)


GUIDE = Path(__file__).parents[2] / "docs" / "flower.md"
PLAYERS = 10


class Played(FakeGrid):
    """Nodes that are the guide's client."""

    def __init__(self, client: Any) -> None:
        super().__init__()
        self.client = client

    def get_node_ids(self) -> list[int]:
        return [*range(1, PLAYERS + 1)]

    def answer(self, message: Message) -> Message | None:
        node = message.metadata.dst_node_id
        self.log.append((message.metadata.message_type, node, {}))
        reply = self.client.app(message, context({"partition-id": node - 1}))
        reply.metadata.__dict__["_src_node_id"] = node
        return reply


def context(config: dict[str, Any]) -> Context:
    return Context(run_id=1, node_id=1, node_config=config, state=RecordDict(), run_config={})


def test_the_client_and_the_server_of_the_guide_play_three_rounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = dict(re.findall(r"<!-- (\w+\.py) -->\n```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL))
    assert [*blocks] == ["client.py", "server.py"]
    for name, code in blocks.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    client, server = importlib.import_module("client"), importlib.import_module("server")
    try:
        grid = Played(client)
        server.app(grid, context({}))
    finally:
        for name in ("client", "server"):
            sys.modules.pop(name)
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if re.match(r"[123] ", line)]
    assert {line[0] for line in lines} == {"1", "2", "3"}
    assert {line[2] for line in lines} <= {"clinic", "school"}
    asked = [kind for kind, _, _ in grid.log]
    assert asked.count("query.score") == asked.count("query.bid") == 3 * PLAYERS
    assert asked.count("train") == len(lines)
