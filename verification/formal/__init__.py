"""Theorems in Coq, beside the chains: ``*.v`` hold the model, the rules and their proofs, :mod:`coq` has them checked."""
