"""The tree checked over arrays: int64 where bounds were checked first, limbs or Python integers elsewhere.

What is claimed and why it holds is said in :mod:`fedmech.solvers.proofs.reference`, whose steps these are, in code of its own,
for markets of any size. No step is shared; the walk over the nodes, and their form, are.

1. *Columns* (`instance`). Scores, costs, groups and coverage stay the arrays of the market; a node holds arrays of who is open.
2. *Margins* (`limbs`). ``D v_i - lam c_i - (mu_g(i) + nu)`` for all open workers at once. A number is cut into limbs, so many
   bits each that no product, sum or carry can leave 64 bits; most often one limb holds everything. Columns too large for that,
   and the worth of workers for COVER where it may not fit, are worked on as objects.
3. *Narrowing* (`narrow`, steps 1 to 9 of the reference). The bound and the gap are Python integers; choices that lose more go.
4. *Search* (`search`, steps 10 to 13). Combinations of flips are rows of arrays, joined by a binary search for the money left.
5. *Check* (`check`). Where the numbers of a search do not fit in 64 bits, that search is left to the reference.

==================================  ==================================================================================
``q_ik``, best, gap                 `limbs.Numbers` of `narrow`; ``Narrowed.gap``
flips, limits of the reference      `narrow.Flips` (``workers``, ``inside``, ``losses``), `narrow.stages`
bundles and closings, step 11       `search._Bundle` and `search._Closing`
==================================  ==================================================================================
"""
