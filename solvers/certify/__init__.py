"""Proofs for optima, whichever method found them."""
