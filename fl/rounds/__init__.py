"""Procurement rounds: scores, bids, mechanism, training of every requester on its winners, metrics."""
