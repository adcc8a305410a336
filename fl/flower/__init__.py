"""Federated rounds of Flower whose nodes are chosen and paid by an auction; see docs/flower.md.

:mod:`.auction` is the protocol and knows nothing of Flower; :mod:`.strategy` is Flower's side of it and needs ``flwr``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .auction import Auction, Contract, Terms, drift_scorer

if TYPE_CHECKING:
    from .strategy import AuctionFedAvg

__all__ = ["Auction", "AuctionFedAvg", "Contract", "Terms", "drift_scorer"]


def __getattr__(name: str) -> Any:
    if name != "AuctionFedAvg":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .strategy import AuctionFedAvg

    return AuctionFedAvg
