"""A short campaign of proofs; a long one: ``python tests/support/proof_campaign.py --checks 1000000``."""

from __future__ import annotations

from proof_campaign import run


def test_proofs_genuine_and_forged() -> None:
    counts = run(2500, 7)
    assert counts["forged, accepted"] > 50
    assert counts["forged, refused"] > 500
    assert counts["random tree, accepted"] > 20
