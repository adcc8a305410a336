"""Flower's side of an auctioned round: a strategy of ``flwr.serverapp``.

In every round every node gets the global model as a ``query.score`` and hands back a scoring update, then, once all scores are fixed, a
``query.bid`` and answers with a bid; the winners get their requester's model as a ``train`` message. Payments stand in the round's
metric record, and in exact texts in :attr:`AuctionFedAvg.settlements`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ...models.exact import format_exact, parse_number
from ...models.input_error import InputError
from ..rounds.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from .auction import Auction, Contract, Model, Scorer, Terms, _fits

try:
    from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict  # pyright: ignore[reportMissingImports]
    from flwr.serverapp import Grid  # pyright: ignore[reportMissingImports]
    from flwr.serverapp.strategy import FedAvg, Result  # pyright: ignore[reportMissingImports]
    from flwr.serverapp.strategy.strategy_utils import sample_nodes  # pyright: ignore[reportMissingImports]
except ImportError as missing:
    raise InputError(f"needs Flower from 1.42 on: pip install 'fedmech[flower]' ({missing})", field="flwr") from None

__all__ = ["AuctionFedAvg"]

SCORE, BID = "query.score", "query.bid"
ARRAYS, CONFIG, METRICS = "arrays", "config", "metrics"


class AuctionFedAvg(FedAvg):
    """Federated averaging among nodes that an auction hires and pays.

    Parameters
    ----------
    terms : Terms
        Requesters with their budgets, the mechanism, seats, the cap.
    scorer : callable
        From the global model and the nodes' scoring updates to their scores, e.g. :func:`.auction.drift_scorer`.
    checkpoint : path, optional
        A file that all of a run is in after each round; a run that finds it goes on from there.
    patience : float
        Seconds that nodes have for a scoring update, and for a bid; who is later is not in the round.
    **fedavg
        As Flower's ``FedAvg`` takes it, but for ``fraction_train`` and ``min_train_nodes``: the auction decides who trains.

    Attributes
    ----------
    models : dict of str to ArrayRecord
        Each requester's model.
    settlements : list of list of dict
        Of each round, what :meth:`.auction.Auction.settle` says.
    """

    def __init__(
        self,
        terms: Terms,
        scorer: Scorer,
        *,
        checkpoint: str | Path | None = None,
        patience: float = 600.0,
        **fedavg: Any,
    ):
        drawing = {"fraction_train", "min_train_nodes"} & set(fedavg)
        if drawing:
            raise InputError("the auction decides who trains", field=min(drawing))
        super().__init__(**fedavg)
        self.terms, self.scorer, self.patience = terms, scorer, patience
        self.checkpoint = None if checkpoint is None else Path(checkpoint)
        self.models: dict[str, ArrayRecord] = {}
        self.settlements: list[list[dict[str, Any]]] = []
        self._before = 0
        self._auction = Auction(terms)
        self._contracts: list[Contract] = []

    def summary(self) -> None:
        """Log what the strategy does, with the terms."""
        from flwr.supercore import log  # pyright: ignore[reportMissingImports]

        super().summary()
        name = self.terms.mechanism if isinstance(self.terms.mechanism, str) else "a mechanism of its own"
        log(20, "\t└──> Auction: %s, %s", name, ", ".join(f"{k} {v}" for k, v in self.terms.budgets.items()))

    # ------------------------------------------------------------------ a run

    def start(
        self,
        grid: Grid,
        initial_arrays: ArrayRecord,
        num_rounds: int = 3,
        timeout: float = 3600,
        train_config: ConfigRecord | None = None,
        evaluate_config: ConfigRecord | None = None,
        evaluate_fn: Callable[[int, ArrayRecord], MetricRecord | None] | None = None,
    ) -> Result:
        """Run `num_rounds` rounds in all, those of the checkpoint among them.

        Parameters
        ----------
        grid, initial_arrays, num_rounds, timeout, train_config, evaluate_config, evaluate_fn
            As Flower's strategies take them.

        Returns
        -------
        Result
            Of the rounds that were played now; `settlements` has all of them.

        Raises
        ------
        InputError
            If the checkpoint is of other terms.
        """
        self.models = dict.fromkeys(self.terms.requesters, initial_arrays)
        self.settlements, self._before = [], 0
        if self.checkpoint is not None:
            found = read_checkpoint(self.checkpoint, self._document())
            if found.rounds:
                self._restore(found, initial_arrays)
        return super().start(
            grid,
            self._mean() if self._before else initial_arrays,
            max(0, num_rounds - self._before),
            timeout,
            train_config,
            evaluate_config,
            evaluate_fn,
        )

    def _document(self) -> dict[str, Any]:
        """The terms as a checkpoint names them."""
        terms = self.terms
        mechanism = terms.mechanism if isinstance(terms.mechanism, str) else getattr(terms.mechanism, "__name__", "own")
        return {
            "requesters": terms.requesters,
            "budgets": [format_exact(parse_number(value)) for value in terms.budgets.values()],
            "mechanism": mechanism,
            "options": {name: str(value) for name, value in terms.options.items()},
            "seats": [terms.seats.get(name) for name in terms.requesters],
            "cap": terms.cap,
        }

    def _restore(self, found: Checkpoint, initial: ArrayRecord) -> None:
        shapes = {name: value.numpy().shape for name, value in initial.items()}
        models = {}
        for position, requester in enumerate(self.terms.requesters):
            arrays = {name: found.arrays.get(f"{position}.{name}") for name in shapes}
            if any(array is None or array.shape != shapes[name] for name, array in arrays.items()):
                raise InputError("not a checkpoint of this model", field="arrays", file=str(self.checkpoint))
            models[requester] = ArrayRecord({name: Array(np.asarray(array)) for name, array in arrays.items()})
        self.models, self._before = models, found.rounds
        self.settlements = [[row for row in found.rows if row["round"] == k + 1] for k in range(found.rounds)]

    def _keep(self, number: int) -> None:
        if self.checkpoint is None:
            return
        arrays = {
            f"{position}.{name}": value.numpy()
            for position, requester in enumerate(self.terms.requesters)
            for name, value in self.models[requester].items()
        }
        rows = [row for settlement in self.settlements for row in settlement]
        write_checkpoint(self.checkpoint, self._document(), Checkpoint(number, rows, arrays))

    def _mean(self) -> ArrayRecord:
        """The plain average of the requesters' models: what scores are measured against."""
        models = list(self.models.values())
        if len(models) == 1:
            return models[0]
        means = {
            name: np.mean([model[name].numpy().astype(np.float64) for model in models], axis=0).astype(
                value.numpy().dtype
            )
            for name, value in models[0].items()
        }
        return ArrayRecord({name: Array(mean) for name, mean in means.items()})

    # ------------------------------------------------------------------ a round

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Score, take bids, run the mechanism; return one message for each winner, with its requester's model."""
        number = self._before + server_round
        if not self.models:
            self.models = dict.fromkeys(self.terms.requesters, arrays)
        config["server-round"] = number
        auction = self._auction = Auction(self.terms)
        _, nodes = sample_nodes(grid, self.min_available_nodes, 0)
        asked = RecordDict({ARRAYS: arrays, CONFIG: config})
        updates: dict[int, Model] = {}
        groups: dict[int, str] = {}
        for node, reply in self._ask(grid, asked, sorted(nodes), SCORE):
            record = next(iter(reply.array_records.values()), None)
            if record is None:
                auction.refused[node] = "it handed no update in"
                continue
            updates[node] = _arrays(record)
            found = next(iter(reply.config_records.values()), {})
            groups[node] = str(found.get("group", "all"))
        # Scores are fixed here: no bid is known yet, nor asked for.
        auction.score(self.scorer(_arrays(arrays), updates))
        asked = RecordDict({CONFIG: ConfigRecord({"server-round": number})})
        for node, reply in self._ask(grid, asked, list(auction.scores), BID):
            found = next(iter(reply.config_records.values()), {})
            auction.bid(node, found.get("bid", "none"), groups[node])
        self._contracts = auction.close()
        messages = []
        for contract in self._contracts:
            # Winners learn what they are due, and only that.
            mine = ConfigRecord({**config, "requester": contract.requester, "payment": format_exact(contract.payment)})
            content = RecordDict({ARRAYS: self.models[contract.requester], CONFIG: mine})
            messages.append(Message(content, dst_node_id=contract.node, message_type="train"))
        return messages

    def _ask(
        self, grid: Grid, content: RecordDict, nodes: list[int], message_type: str
    ) -> list[tuple[int, RecordDict]]:
        """Send all nodes the same, and return what those that answered said, by node."""
        messages = [Message(content, dst_node_id=node, message_type=message_type) for node in nodes]
        replies = grid.send_and_receive(messages, timeout=self.patience)
        found = [(reply.metadata.src_node_id, reply.content) for reply in replies if reply.has_content()]
        return sorted(((node, reply) for node, reply in found if node in nodes), key=lambda pair: pair[0])

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Ask nodes to evaluate the average of the requesters' models, under the number of the round."""
        return super().configure_evaluate(self._before + server_round, arrays, config, grid)

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Average what each requester's winners delivered, and pay those that did."""
        number = self._before + server_round
        hired = {contract.node: contract for contract in self._contracts}
        delivered: dict[int, tuple[Model, float]] = {}
        for reply in replies:
            contract = hired.get(reply.metadata.src_node_id)
            work = None if contract is None or not reply.has_content() else self._work(contract, reply.content)
            if work is not None:
                delivered[reply.metadata.src_node_id] = work
        for requester in self.terms.requesters:
            mine = [delivered[node] for node in sorted(delivered) if hired[node].requester == requester]
            if mine:
                self.models[requester] = _averaged(mine)
        settlement = [{"round": number, **row} for row in self._auction.settle(sorted(delivered))]
        self.settlements.append(settlement)
        self._keep(number)
        return self._mean(), self._metrics(settlement)

    def _work(self, contract: Contract, reply: RecordDict) -> tuple[Model, float] | None:
        """An update and its weight, or None for what is no delivery."""
        record = next(iter(reply.array_records.values()), None)
        metrics: Mapping[str, Any] = next(iter(reply.metric_records.values()), {})
        weight = metrics.get(self.weighted_by_key)
        if record is None or isinstance(weight, list) or weight is None or not 0 < weight < float("inf"):
            return None
        arrays = _arrays(record)
        wanted = {name: value.numpy().shape for name, value in self.models[contract.requester].items()}
        return (arrays, float(weight)) if _fits(arrays, wanted) else None

    def _metrics(self, settlement: list[dict[str, Any]]) -> MetricRecord:
        """The round in numbers; payments as numerators and denominators, which are exact."""
        paid = [Fraction(row["paid"]) for row in settlement]
        outcome = self._auction.outcome
        record = MetricRecord(
            {
                "winners": len(settlement),
                "delivered": sum(row["delivered"] for row in settlement),
                "refused": len(self._auction.refused),
                "paid": float(sum(paid, Fraction(0))),
                "nodes": [int(row["node"]) for row in settlement],
                "requesters": [self.terms.requesters.index(row["requester"]) for row in settlement],
                "payments": [float(value) for value in paid],
            }
        )
        if all(max(value.numerator, value.denominator) < 2**63 for value in paid):
            record["payment-numerators"] = [value.numerator for value in paid]
            record["payment-denominators"] = [value.denominator for value in paid]
        if outcome is not None and outcome.price is not None:
            record["critical-price"] = float(outcome.price)
        return record


def _arrays(record: ArrayRecord) -> Model:
    return {name: value.numpy() for name, value in record.items()}


def _averaged(work: list[tuple[Model, float]]) -> ArrayRecord:
    """Average by weight, in double precision."""
    weights = np.array([weight for _, weight in work])
    weights /= weights.sum()
    means = {
        name: np.tensordot(weights, np.stack([model[name] for model, _ in work]), axes=1).astype(first.dtype)
        for name, first in work[0][0].items()
    }
    return ArrayRecord({name: Array(np.asarray(mean)) for name, mean in means.items()})
