"""OPT with seats that bind, and its linear relaxation OPT-FRAC.

*Problem.* With seats a set S of workers can be placed exactly if, for every set A of groups, no more than
``f(A) = sum_j min(s_j, sum_{l in A} tau_lj)`` of its workers are in A (:mod:`fedmech.solvers.placement`). OPT is

    maximise  v(S) = sum_{i in S} v_i   subject to   c(S) <= B  and  |S in A| <= f(A) for every A.

Source: OPT is DriftPay, section 6 (stated), seats are the "staffing cap" of its section 5. The linear relaxation OPT-FRAC and
both algorithms are ours.

OPT, the method ``polymatroid``:

1. *Size* (`duals.most_workers`). The cheapest placeable sets of each size are prefixes of the greedy by cost. So the largest
   number that can be paid for is known, and limits every set: ``most``.
2. *Multipliers* (`duals`). For a price ``N / D`` of money ORP with the weights ``w_i = D v_i - N c_i`` is solved by the greedy.
   The groups that were blocked first, second, ... form a chain of tight sets ``A_1 < A_2 < ...``; ``mu_l`` is the weight of the
   worker whose refusal blocked group l (0: none did), and ``y_e`` is how far mu falls from one step of the chain to the next.
   With ``p_i = w_i - mu_g(i)``

       D v(S) = bound - loss(S),   bound = N B + sum_e y_e f(A_e) + sum_i max(0, p_i),
       loss(S) = N (B - c(S)) + sum_e y_e (f(A_e) - |S in A_e|) + sum of |p_i| over i on the wrong side of p_i = 0

   (f no more than ``most``). The price is where a set that is too dear and one that is not tie, moved until no set is better.
3. *Without seats* (`method._forget_seats`). With ``f`` for each group alone and for all together this is a pooled problem. Its
   optimum is a bound, and if it can be placed, the optimum. What closes it at once where scores follow costs, or
   items are multiples of two, comes first, then all of it with up to two groups, where no other set of groups exists, else when a
   first round of 4 does not end.
4. *Enumeration* (`core`). All sets that lose at most a limit are listed along the chain, class by class of equal workers, in
   two halves that are joined by money; whether the counts of a set can be placed is asked of a flow. The limit grows until it
   meets what a better set can lose at most.
5. *Swaps* (`swaps`), before the last and largest enumeration: up to four moves at once (one out, one in, or both in one group)
   raise the value.
6. *HiGHS* (`core_highs`), on the workers that the bound leaves open, where too many sets are too close to it.

OPT-FRAC, the method ``parametric`` (`parametric`):

7. Start from the best placeable set and, if that is too dear, the best one of workers who cost nothing. The price at which the
   set beyond the budget and the one within it tie is tried: a greedy set that is better there takes the place of one of them.
8. If none is, the mix of the two that spends exactly B is an optimum: the placeable sets are the vertices of an integral
   polytope.

==============================  ======================================================================================
``v_i c_i g(i) B tau s``, most  `duals.SeatMarket`: ``scores``, ``costs``, ``groups``, ``budget``, ``caps``, ``seats``, ``most``
``N D``                         `duals.SeatDuals`: ``multiplier``, ``denominator``
``A_e``, ``y_e``, ``p_i``       ``SeatDuals.chain`` (the groups that join at each step), ``prices``, ``reduced``
bound                           ``SeatDuals.bound``, times ``D``
``f(A)``                        :func:`fedmech.solvers.placement.polymatroid.rank`
the limit of 4                  ``covered`` of `method.SeatOptimum`: every set that loses no more was looked at
price, mix (7, 8)               `parametric.PriceOfMoney`: ``price``, ``mix``, the sets ``within`` and ``beyond``
==============================  ======================================================================================

*Exactness.* Prices are fractions, all else integers: ``int64`` where the largest number that can occur fits, else Python
integers. Floats rank candidates for exchanges, and are HiGHS's, whose points are checked again and whose claim that nothing is
better is reported as one (:mod:`fedmech.solvers.highs`). A bound of 2 or 3 is handed on as leaves, of which a proof of kind
``tree`` is made (:mod:`fedmech.solvers.certify`); OPT-FRAC comes with a proof of kind ``fractional``.
"""
