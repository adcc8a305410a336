"""Workers in the order of their bid per score, exactly."""

from __future__ import annotations

from ....models.exact import IntArray

__all__ = ["ratio_order"]


def ratio_order(bids: IntArray, scores: IntArray) -> list[int]:
    """Sort workers by ``b_i / v_i``, ties by index.

    Parameters
    ----------
    bids, scores : integer ndarray, shape (n,)
        ``b_i >= 0`` and ``v_i > 0``.

    Returns
    -------
    list of int
    """
    b, v = bids.tolist(), scores.tolist()
    # Two different ratios are at least 1 / max(v)**2 apart, so these integers keep their order and their ties.
    scale = max(v, default=1) ** 2
    return sorted(range(len(b)), key=[b[i] * scale // v[i] for i in range(len(b))].__getitem__)
