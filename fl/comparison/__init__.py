"""Mechanisms beside the exact optima, over one market or many."""
