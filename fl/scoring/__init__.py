"""Drift scores: what a standardised local update does to representations of a committed probe set."""
