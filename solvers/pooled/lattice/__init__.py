"""Items that are multiples of two: what a set is worth is said by two whole numbers, and few of these are near the best.

*Problem.* That of :mod:`fedmech.solvers.pooled`, where item i is ``f_i`` times one of two *bases*, of score ``d_t`` and cost ``b_t``
(Pisinger's spanner knapsacks, Where are the hard knapsack problems?, 2005). A set that has the bases ``F_1`` and ``F_2`` times is worth
``d_1 F_1 + d_2 F_2`` and costs ``b_1 F_1 + b_2 F_2``. The linear relaxation has fractions of these, and no price of money or places sees
that they are whole. The algorithm is ours.

1. *Bases* (`bases`). The items of a sample have to be of two ratios of score to cost, then all items, exactly; a base is what divides the
   items of its ratio. Anything else is seen after a few items and left to the other methods.
2. *Cells* (`cells`). Items of one group, base and multiple are alike: what follows counts them.
3. *Cuts* (`solve`, `cuts`). The counts of all sets that the limits allow lie in a polygon, whose corners are sets: ``A F_1 + C F_2`` is
   greatest at the set of largest weights, and its edges are where an item of one base weighs as much as one of the other, ``A / C`` a
   ratio of two multiples. The best whole numbers within the money are found; while they lie outside the polygon, the edge that they
   exceed most is added.
4. *Best whole numbers* (`cuts.best_points`). The best of fractions by bisection; so much below it as whole numbers are, each cut leaves a
   range of ``F_1``, and those in all ranges are looked at, with the largest ``F_2`` that the cuts let in.
5. *Set* (`cells.Cells.near`, ``reach``). The two best sets of the nearest edge differ by exchanges that change nothing there; so many of
   them are made that the counts are near the best ones, and a few other exchanges within groups meet them. Whoever is in a cell does not matter.
6. *Exclude* (``solve._excluded``). Else the most of ``F_2`` with no more than so many of ``F_1`` is found: ``K F_1 + F_2`` with costs ``f_i`` of the
   first base, K large, is a problem for the general search. Either its set has the best counts, or a cut for such ``F_1`` excludes them.
7. *End*. Is neither shown, or does the set break a limit, nothing is said, and the other methods go on.

==================  ==============================================================================================
``d_t``, ``b_t``    `bases.Bases`: ``gains``, ``costs``
``f_i``             ``Bases.times``, of the base ``kind``
``A C G``           `cuts.Cut`: ``first``, ``second``, ``bound``
``F_1 F_2``         pairs of int, what `cells.Cells.counts` returns of the numbers held of each cell
==================  ==============================================================================================

*Exactness.* ``int64`` where the longest products fit; with longer numbers nothing is tried. The proof is of kind ``lattice``: each cut is
a bound of OPT with other scores, and has prices of its own; see :mod:`fedmech.solvers.proofs.lattice`.
"""

from .solve import close_by_lattice

__all__ = ["close_by_lattice"]
