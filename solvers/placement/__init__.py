"""Who can be placed: ORP, flows under seats, and DriftPay-CO's prefix scan.

*Problems.* ORP: ``M(S) = max sum_{i in S} v_i x_ij``, each worker with at most one requester, at most ``tau_lj`` workers of
group l with requester j, at most ``s_j`` with j in all; no money. The scan: with the workers in the order of
``rho_i = b_i / v_i`` and ``S_k`` the first k, the largest k with ``rho_k M(S_k) <= B``. Source: DriftPay, section 5 (both
stated); the matroid view and the scan's brackets are ours.

*Why greedy is enough.* Score does not depend on the requester, so only who is hired matters. Without binding seats the sets
that can be placed are those with at most ``K_l = sum_j tau_lj`` of each group, a partition matroid. With them, by max-flow and
min-cut, they are those whose counts k have ``k(A) <= f(A) = sum_j min(s_j, sum_{l in A} tau_lj)`` for every set A of groups: a
gammoid, again a matroid. In a matroid the greedy by weight is optimal.

ORP:

1. *Order* (`polymatroid.descending`). By falling weight; ties to the lower index, never to the lower bid, for truthfulness
   rests on that. Weights of 0 and below are left out.
2. *Without seats* (`matroid.best_set`). The first ``K_l`` of each group.
3. *With seats* (`orp_seats.best_placeable_set`, `polymatroid.SeatFlow`). Worker after worker asks for one more unit of flow
   from its group to a requester with a free seat, others moved along if need be. The graph has L + m nodes, none of them a
   worker.
4. *Tight sets.* Where no way to a free seat is found, the groups that were reached are full for good. The worker refused is
   kept for each of them: its weight is the price of a place (`orp_seats.Basis.blocked_by`; used in
   :mod:`fedmech.solvers.seated`).
5. *Routing* (`matroid.route`). The counts of a set are sent through the flow, and its workers to the requesters in turn.
   `max_flow` is the paper's own layered network, a node for each worker, by a library: slow, to be read and compared with.

The scan (`prefix_scan`), with ``T(S)`` for the optimum of ORP on S, between two prefixes ``S_lo``, which passes the test, and
``S_hi``, which fails it:

6. Both factors of the test grow with k, so the k's between the brackets are halved until none is left.
7. Whoever is in ``S_lo`` and not in ``T(S_lo)`` is in no ``T`` between; whoever is in ``T(S_lo)`` and in ``T(S_hi)`` is in all
   of them. Both are decided. There are no more in ``T(S_lo)`` and not in ``T(S_hi)`` than have come in between, so little stays
   open and all tests together cost about as much as the first.
8. In large markets the first brackets are guessed from a sample; each is tested like any other before it is believed.
9. The price is ``pi = min(rho_(k*+1), B / M(S_k*))``.

======================================  ==============================================================================
``tau_lj s_j K_l``                      ``caps``, ``seats``, ``totals`` (``Market.group_totals``)
``f(A)``, a flow, its counts            `polymatroid`: ``rank``, ``SeatFlow``, ``SeatFlow.counts`` (``routing`` by requester)
``rho_i``                               ``_Scan.ratio``, then ``place``, the sort key of those still open
undecided; those in ``T(S_lo)``         ``_Scan.open``; flagged ``held``
in ``T(S_hi)``; in both, for good       ``_Scan.in_hi``; ``settled``, their score is ``score``
``k* M(S_k*) pi``, worker ``k* + 1``    ``PrefixScan``: ``k``, ``score``, ``price``, ``critical``
======================================  ==============================================================================

*Exactness.* Greedy and flow compare integers and count. The test of the scan is ``b_i M <= B v_i`` in Python integers. Two
ratios are compared as floating-point quotients only where bids and scores are below 2**53, so that rounding cannot exchange
them, and by cross-multiplication where the quotients are equal; larger numbers are ranked exactly at once.
"""
