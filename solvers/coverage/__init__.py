"""COVER, the winner selection for coverage: the best entry of each kind counts once.

*Problem.* Worker i offers ``z_ir >= 0`` of kind r and costs ``c_i``:

    maximise  f(S) = sum_r max_{i in S} z_ir   subject to   c(S) <= B,  and S can be placed under caps and seats.

Source: f, monotone and submodular, is DriftPay, section 7b (stated); the levels are the duals of its facility-location form,
the standard linearisation. The algorithm is ours; lazy evaluation is Minoux's (1978).

*Bound.* For any level ``rho_r >= 0`` of each kind, ``max_{i in S} z_ir <= rho_r + sum_{i in S} max(0, z_ir - rho_r)``. So
coverage is at most ``sum_r rho_r`` plus the weights ``w_i = sum_r max(0, z_ir - rho_r)``, which add up; and for any prices
``lam`` of money, ``mu_l`` of a place and ``sigma`` of a seat, none negative,

    f(S) <= sum_r rho_r + lam B + sum_l mu_l K_l + sigma s + sum_i max(0, w_i - lam c_i - mu_g(i) - sigma).

What a set does against the sign of a *margin* ``w_i - lam c_i - mu_g(i) - sigma`` lowers this by its amount.

The method ``facility`` (`facility.solve_cover`):

1. *Dominated workers* (`facility.undominated`). Left out is who cannot be hired at all, covers nothing, or is matched in
   everything by another one of the group at no more cost.
2. *Start* (`lazy_greedy`). Workers by marginal value, and by marginal value per cost, the better set improved by exchanges of
   one for one. A marginal value computed earlier bounds the one now, so only the front of a heap is computed again.
3. *Relaxation* (`facility.NodeRelaxation`). At a node HiGHS solves the facility-location relaxation; its duals, rounded to
   integers over a power of two, are levels and prices. The bound above holds whatever they are.
4. *Branch and bound* (`branch`, `level_bound`). What a node has hired raises the levels to what it covers. Levels of 0, the
   plain submodular bound, are tried before those of 3. Workers whose margin is beyond the gap, from the bound to one unit more
   than the best set known, are hired or dropped. Of the others the one whose share in the relaxation is nearest to 0.6 is tried
   in, then out (without shares, the one of largest margin).
5. *HiGHS* (`facility._by_highs`), after ``certify_nodes`` nodes: the facility-location model with integers, asked for one unit
   more than the best set; a point that cannot be placed or paid is cut off.
6. Where that settles nothing, 4 is run again without a limit of nodes.

The method ``branch-and-bound`` is 4 without 3, ``lazy-greedy`` is 2 with the bound of one node (`method`). `targets` asks
whether wanted levels can be reached all at once: COVER with 1 for what is high enough and 0 for the rest.

============================  ========================================================================================
``z_ir c_i g(i) tau s B``     `instance.CoverInstance`: ``coverage``, ``costs``, ``groups``, ``caps``, ``seats``, ``budget``
``K_l``                       ``CoverInstance.group_totals``
``rho_r lam mu_l sigma_j``    `branch.Levels`: ``levels``, ``price``, ``places``, ``seats``, all times ``denominator``
the bound; the margins        `level_bound.LevelBound`: ``total``, ``margin``, times ``denominator``
hired, covered, still open    `branch._CoverNode`: ``chosen``, ``covered``, ``free``
============================  ========================================================================================

With a hint's ``mu`` and ``sigma_j`` the worth of all places is bounded by duality on the routing (``Levels.worth``); without,
one price for each group, or none, and one ``sigma`` for all seats are chosen at the node (`level_bound`).

*Exactness.* Coverage, costs, levels, prices and bounds are integers, Python's where 64 bits might not hold a sum. Floats are
HiGHS's alone, and decide only which levels are tried and where to branch; what it claims in 5 is reported as a claim
(:mod:`fedmech.solvers.highs`), and the model of 5 is used only if all its sums are exact in double precision. A proof of the
bound is grown afterwards, a tree whose nodes have levels (:mod:`fedmech.solvers.certify`).
"""
