"""OPT without binding seats: a knapsack over a partition matroid, solved exactly at any size.

*Problem.* Score and cost do not depend on the requester. Without binding seats any set can be placed that has no more than
``K_l = sum_j tau_lj`` workers of group l, so OPT is

    maximise  sum_i v_i x_i   subject to   sum_i c_i x_i <= B,   sum_{i in l} x_i <= K_l for each group l,   x_i in {0, 1},

and ``sum_i x_i <= most`` where :mod:`fedmech.solvers.seated` asks for that. Source: OPT is DriftPay, section 6 (stated); the
algorithm is ours.

*Loss.* For any prices over a denominator ``D > 0``, ``N >= 0`` of money, ``nu`` of the number chosen, ``mu_l >= 0`` of a place
in group l, with ``q_i = D v_i - N c_i - nu - mu_g(i)``, every feasible x with ``low <= |x| <= high`` has

    D v(x) = bound - loss(x),   bound = N B + nu (high if nu > 0 else low) + sum_l mu_l K_l + sum_i max(0, q_i),
    loss(x) = N (money left) + |nu| (distance of |x| to the end it is priced at) + sum_l mu_l (places left in l)
              + sum of |q_i| over i on which x disagrees with the sign of q_i,

and no term of the loss is negative. A set better than the best known one is worth at least a ``step`` more (the greatest common
divisor of the scores), so it loses at most ``gap = bound - D (value + step)``: it differs from the signs only where
``|q_i| <= gap``.

1. *Clean* (`solve._clean`). Who costs more than B is dropped; B falls to a multiple of what divides all costs.
2. *Margin* (`reduction`). Of more than ``DIRECT`` items only those near the margin are kept; the others are taken or dropped by
   a price guessed from a sample. This proves nothing: see 8.
3. *Multipliers* (`dual`, `relaxation.complete`). For an interval of counts the price of money is found at which the bound is
   least: two sets, one dearer than B and one not, propose the price at which they tie, until no set is better there. ``mu`` and
   ``nu`` are the best for that price.
4. *Core* (`leaf.search_leaf`, `core`, `enumeration`). From a base set that agrees with all signs, equal flips are bundled in 1,
   2, 4, ... copies, those of least loss first, and all sets of flips within the gap are listed: in two halves, each with the
   states that are better than all cheaper ones, joined by money. In a full group a kind of items that cost nothing to flip, the
   *pivot*, can make up for its count (`core.Pivot`), which is then not kept. `enumeration` lists in plain Python (`plain`) or
   compiled (`merging`), by size. What is found raises the value and so narrows the gap; so do the exchanges of `swaps`,
   and where many items tie the choices of `four_lists`, which spend the money to the last unit.
5. *Money* (:mod:`~fedmech.solvers.pooled.dynamic`). A dynamic program over money lists what a price cannot decide.
6. *Dear items first* (`dust`). Where a few dear items make the gap and many cheap ones are worth less than it, all choices of
   the dear ones are listed, and each leaves a pooled problem of the cheap ones.
7. *Branching* (`solve._branch`). A leaf left open is cut in two by the number chosen, where the relaxation's is fractional; or
   its items are branched on, the dearest on which the two sets of 3 differ (`branching`). `solve._close` has the order of 4 to
   7.
8. *Audit* (`solve._audited`, `relaxation.audit`). Each leaf's bound is computed anew over *all* items, and all items within its
   gap must have been in the margin; else the margin is moved, then widened, in the end to everything.

==========================  ============================================================================================
``v_i c_i g(i) K_l B``      `PooledProblem`: ``scores``, ``costs``, ``groups``, ``limits``, ``budget``
``D N nu mu_l low high``    `leaf_multipliers.LeafMultipliers`: ``scale``, ``price``, ``count``, ``limits``, ``low``, ``high``
``q_i``, bound, gap         `leaf.Leaf`: ``reduced``, ``bound`` (times ``scale``), ``gap(incumbent)``
value, ``step``             `leaf.Incumbent`: ``value``, ``step``; its set is ``chosen``
base set                    ``Leaf.base``
flips and their loss        `core.Core` (``members``, ``loss``), handed to an enumeration as `flips.FlipProblem`
==========================  ============================================================================================

*Exactness.* Scores and costs of sets, prices, ``q_i`` and bounds are integers or fractions: ``int64`` where the largest number
that can occur was found to fit, Python integers elsewhere. Floating point proposes sets and prices (3), guesses (2), and adds
up losses of flips, never to discard one within the limit: there is room for its rounding (4, 6). The result carries the
multipliers of its leaves, or the ``cells`` of 5; the checkers are :mod:`fedmech.solvers.proofs.tree` and
:mod:`fedmech.solvers.proofs.dynamic`.
"""

from .problem import PooledProblem
from .solve import PooledResult, close_at_once, solve_pooled

__all__ = ["PooledProblem", "PooledResult", "close_at_once", "solve_pooled"]
