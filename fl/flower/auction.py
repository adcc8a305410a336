"""The protocol of an auctioned round: scores, then bids, then a mechanism, then delivery, then money.

The order is the promise. Scores are fixed before anybody is asked for a bid, so no bid can move them, and the mechanism is run once, on
exact numbers; what a registered mechanism promises on a market (truthful bids are best, payments cover them, budgets are kept) it
promises here for the round. A node that does not deliver what it was hired for is not paid; not delivering earns nothing, so it is no
way to gain, but what has been bought is less than what was planned, and the money stays where it was.

Over rounds nothing is promised: who is hired trains the model on which the next scores are measured.

Source: DriftPay, section 3 (timing: scores before bids; stated). That a node is paid on delivery is a choice made here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ...models.exact import format_exact, parse_number
from ...models.input_error import InputError
from ...models.procurement.market import Market
from ..mechanisms.interface import Outcome, as_mechanism, run_mechanism
from ..rounds.routing import even_routing

if TYPE_CHECKING:
    from ..scoring.probe import ProbeSet
    from ..training.architectures import Architecture

__all__ = ["Auction", "Contract", "Model", "Scorer", "Terms", "drift_scorer"]

Model = Mapping[str, np.ndarray]
"""A model's parameters by name."""

Scorer = Callable[[Model, Mapping[int, Model]], Mapping[int, Any]]
"""From the global model and the nodes' scoring updates to a positive score for each node: a number that is exact, or a text."""


@dataclass(frozen=True)
class Terms:
    """What is bought, and by what rule.

    Attributes
    ----------
    budgets : mapping of str to number
        Money of each requester in a round, by its name; exact numbers or texts.
    mechanism : str or callable
        A registered mechanism, or what :func:`fedmech.run` takes for one.
    options : mapping
        Its options.
    seats : mapping of str to int
        The most nodes that a requester takes; those not named take any number.
    cap : int or None
        Nodes of one group that one requester may have.
    """

    budgets: Mapping[str, Any]
    mechanism: Any = "driftpay-co"
    options: Mapping[str, Any] = field(default_factory=dict)
    seats: Mapping[str, int] = field(default_factory=dict)
    cap: int | None = None

    def __post_init__(self) -> None:
        if not self.budgets:
            raise InputError("needs at least one requester", field="budgets")
        unknown = set(self.seats) - set(self.budgets)
        if unknown:
            raise InputError(f"{sorted(unknown)[0]!r} is no requester", field="seats")
        as_mechanism(self.mechanism)

    @property
    def requesters(self) -> list[str]:
        """Names, in the order given."""
        return list(self.budgets)


@dataclass(frozen=True)
class Contract:
    """What one node was promised.

    Attributes
    ----------
    node : int
    requester : str
        Whose model it trains.
    payment : Fraction
        Due when it delivers.
    """

    node: int
    requester: str
    payment: Fraction


@dataclass
class Auction:
    """One round, in the order in which it has to be gone through: :meth:`score`, :meth:`bid`, :meth:`close`, :meth:`settle`.

    Attributes
    ----------
    terms : Terms
    refused : dict of int to str
        Nodes that are out of the round, and why.
    """

    terms: Terms
    refused: dict[int, str] = field(default_factory=dict)
    _scores: dict[int, Fraction] | None = None
    _bids: dict[int, tuple[Fraction, str]] = field(default_factory=dict)
    _contracts: list[Contract] | None = None
    outcome: Outcome | None = None

    def score(self, scores: Mapping[int, Any]) -> None:
        """Fix the scores.

        Raises
        ------
        InputError
            If they are fixed already, or one is no positive number.
        """
        if self._scores is not None:
            raise InputError("scores are fixed once a round", field="score")
        found = {}
        for node, value in sorted(scores.items()):
            found[int(node)] = _exact(value, "score", node)
            if found[int(node)] <= 0:
                raise InputError(f"must be > 0, got {value}", row=f"node {node}", field="score")
        self._scores = found

    @property
    def scores(self) -> Mapping[int, Fraction]:
        """As they were fixed; who is not among them cannot bid."""
        if self._scores is None:
            raise InputError("bids are taken after the scores are fixed", field="bid")
        return self._scores

    def bid(self, node: int, bid: Any, group: str = "all") -> None:
        """Take a node's bid; what is no exact number >= 0 puts the node out of the round instead of ending it.

        Raises
        ------
        InputError
            If scores are not fixed yet, the auction is closed, or the node has no score.
        """
        if self._contracts is not None:
            raise InputError("the auction is closed", row=f"node {node}", field="bid")
        if node not in self.scores:
            raise InputError("has no score", row=f"node {node}", field="bid")
        if node in self._bids or node in self.refused:
            self.refused[node] = "it bid twice"
            self._bids.pop(node, None)
            return
        try:
            value = _exact(bid, "bid", node)
            if value < 0:
                raise InputError(f"must be >= 0, got {bid}", field="bid")
        except InputError as error:
            self.refused[node] = error.message
            return
        self._bids[node] = (value, group)

    def close(self) -> list[Contract]:
        """Run the mechanism on scores and bids.

        Returns
        -------
        list of Contract
            One for each winner, by node.

        Raises
        ------
        InputError
            If it was run already, or cannot run on this market.
        """
        if self._contracts is not None:
            raise InputError("the auction is closed", field="mechanism")
        nodes = sorted(self._bids)
        if not nodes:
            self._contracts = []
            return []
        terms = self.terms
        market = Market.build(
            scores=[self.scores[node] for node in nodes],
            bids=[self._bids[node][0] for node in nodes],
            groups=[self._bids[node][1] for node in nodes],
            budgets=list(terms.budgets.values()),
            seats=[terms.seats.get(name) for name in terms.requesters],
            default_cap=terms.cap,
            worker_ids=[str(node) for node in nodes],
            requester_ids=terms.requesters,
        )
        outcome = self.outcome = run_mechanism(market, terms.mechanism, **terms.options)
        assignment = outcome.assignment
        # A mechanism with separate budgets has chosen who pays whom; of the others, any place within the limits is as good.
        if "separate-budgets" not in as_mechanism(terms.mechanism).claims:
            assignment = even_routing(market, outcome.winner_indices)
        self._contracts = [
            Contract(nodes[i], terms.requesters[assignment[i]], outcome.payment(i))
            for i in outcome.winner_indices.tolist()
        ]
        return self._contracts

    def settle(self, delivered: Sequence[int]) -> list[dict[str, Any]]:
        """Say who is paid what.

        Parameters
        ----------
        delivered : sequence of int
            Nodes whose update was taken.

        Returns
        -------
        list of dict
            One for each contract: ``node`` (a text), ``requester``, ``bid``, ``score``, ``promised`` and ``paid`` (exact texts; 0 for those
            that did not deliver), ``delivered``.

        Raises
        ------
        InputError
            If the auction is not closed, or somebody delivered who was not hired.
        """
        if self._contracts is None:
            raise InputError("nobody has been hired yet", field="delivered")
        strangers = set(delivered) - {contract.node for contract in self._contracts}
        if strangers:
            raise InputError("delivered without having been hired", row=f"node {min(strangers)}", field="delivered")
        return [
            {
                "node": str(contract.node),
                "requester": contract.requester,
                "bid": format_exact(self._bids[contract.node][0]),
                "score": format_exact(self.scores[contract.node]),
                "promised": format_exact(contract.payment),
                "paid": format_exact(contract.payment if contract.node in delivered else Fraction(0)),
                "delivered": contract.node in delivered,
            }
            for contract in self._contracts
        ]


def _exact(value: Any, field: str, node: int) -> Fraction:
    if isinstance(value, float | bool):
        raise InputError(f"exact numbers are texts, as '0.1'; got {value!r}", row=f"node {node}", field=field)
    try:
        return parse_number(value)
    except InputError as error:
        raise InputError(error.message, row=f"node {node}", field=field) from None


def drift_scorer(
    architecture: Architecture, probe: ProbeSet, *, v_min: float = 0.01, v_max: float = 1.0, how: str = "half"
) -> Scorer:
    """Make a scorer that measures drift on a probe set of the platform's: nodes hand in their update, never their score.

    Parameters
    ----------
    architecture : Architecture
        Of the models; parameters go by its names.
    probe : ProbeSet
    v_min, v_max, how
        As :func:`~fedmech.fl.scoring.score_map.fit_map` takes them.

    Returns
    -------
    callable
        Its scores have six decimals. A node whose update is not of the architecture, or not finite, gets none.
    """

    def scorer(model: Model, updates: Mapping[int, Model]) -> dict[int, str]:
        import torch

        from ..scoring.drift_market import SCORE_DECIMALS
        from ..scoring.drift_score import drift_scores
        from ..scoring.score_map import fit_map
        from ..training.parameters import stack

        def tensors(arrays: Model) -> dict[str, torch.Tensor]:
            return {name: torch.tensor(arrays[name]) for name in architecture.shapes}

        sound = [node for node in sorted(updates) if _fits(updates[node], architecture.shapes)]
        if not sound:
            return {}
        raw = drift_scores(architecture, tensors(model), stack([tensors(updates[node]) for node in sound]), probe)
        scores = fit_map(raw, how, v_min, v_max)(raw)
        return {node: f"{value:.{SCORE_DECIMALS}f}" for node, value in zip(sound, scores.tolist(), strict=True)}

    return scorer


def _fits(arrays: Model, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether arrays are finite and of the shapes wanted."""
    return set(arrays) == set(shapes) and all(
        arrays[name].shape == tuple(shape) and arrays[name].dtype.kind == "f" and bool(np.isfinite(arrays[name]).all())
        for name, shape in shapes.items()
    )
