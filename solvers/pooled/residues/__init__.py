"""Where one item more or less makes the gap: residues of money bound it, and a handful of items are left to be listed.

*Problem.* That of :mod:`fedmech.solvers.pooled` where limits do not bind and scores rise with costs along a curve (Pisinger's circle, Where
are the hard knapsack problems?, 2005): the price of money leaves a gap of about one item, within which lie very many. That the money
of the linear relaxation's last item cannot be left over is a matter of residues. The relaxation to a cyclic group is Gomory's, that
subadditive functions on it can be drawn straight between few values is due to Gomory and Johnson (1972); fixing by it, the correction
for items that are used once, and the way the function is found are ours.

1. *Break* (`break_item`). Items by falling ratio of score to cost; b is the first that does not fit. ``D = c_b``, ``N = v_b``, and
   ``q_i = D v_i - N c_i``. The base holds all of ``q_i > 0`` and leaves the money r. Flipping i takes ``s_i = c_i`` or gives ``c_i`` back,
   and loses ``|q_i|``; the modulus is D, for b takes D and loses nothing.
2. *Function* (`function`). K values of F at the multiples of ``D / K`` begin with what the items nearest to these lose; they are moved to
   where the items around say, along the slope; lowered until no item between two of them loses less than F; and closed under
   ``F(s + t) <= F(s) + F(t)``. Near 0 the losses are small beside their rounding: there F rises along lines of several slopes, of which
   that stays whose bound is the best.
3. *Bound* (`solve.ResidueBound`). Every set loses at least ``F(r)`` less the excess, by which some items fall short of F, and one that
   flips i at least ``|q_i| + F(r - s_i)`` less the excess.
4. *List* (`solve`). For a gap just above that bound, then ever larger ones, the items that may be flipped are few; all their sets are
   listed, dear losses first, states dropped by the same bound and where a cheaper one loses less. The first set within a gap is
   the optimum.
5. *End*. If there are too many items or states, nothing is said, and the other methods go on. A sample of items sees beforehand whether
   scores rise with costs and limits may bind.

==================  ==============================================================================================
``D``, ``N``, F     `solve.ResidueBound`: ``modulus`` (and scale), ``price``, ``values``
``s_i``, ``q_i``    ``taken``, ``loss``
``r``               ``left``
==================  ==============================================================================================

*Exactness.* Floating point proposes F; its values are then whole numbers, and everything after that is in ``int64``, where the
largest products were found to fit; larger numbers are left to the other methods. The proof, of kind ``subadditive``, holds scale, price
and the values of F; its checkers test that F is subadditive and do 3 and 4 for themselves.
"""

from .solve import close_by_residues

__all__ = ["close_by_residues"]
