"""A dynamic program over money that closes what prices leave open: dear items first, each taken or not.

*Problem.* The leaf of :mod:`fedmech.solvers.pooled` that holds all numbers of items (``nu = 0``): does any set with
``c(x) <= B`` and no more than ``K_l`` items of group l reach a goal? The gap to the goal decides most items; the program goes
through the others. Its lists stay short where costs come in clusters, so that the linear relaxation is far off: dear items
leave few ways to spend nearly all of the money. The algorithm is ours.

1. *Fix* (`program.MoneyProgram.of`). Items with ``q_i > gap`` are held, those with ``q_i < -gap`` are out. Of equal items with
   ``q_i != 0``, who can stand in for one another, no more than ``gap // |q_i|`` stay open.
2. *Order* (`program`). Equal open items are bundled in 1, 2, 4, ... copies. Groups whose limit the open items cannot exceed,
   for their number or for want of money, share one class; each other group is a class of its own, with a *debt*: how many of
   its items ahead must be left. Classes come one after the other, in each the dearest first.
3. *States* (`states`). A state is (money spent, score), kept by debt. Each step leaves its bundle, which pays off debt, or
   takes it. Of two states with one debt the one that costs no less and scores no more is dropped.
4. *Outlook* (`states.Outlook`, `states.extended`). A state is dropped too if it cannot reach the goal with all that the items
   ahead can add. With ``worth = scale * score - mu * copies`` for a bundle, these add at most their linear relaxation at the
   money left, first rounded down to what their costs can add up to, plus ``mu`` for each place they can still fill.
5. *Boxes* (`boxes`). A first pass joins the states in one cell of costs to a box, as cheap as its cheapest and as good as its
   best: if no box reaches the end, nothing does. Going back, each box learns what a state in it can gain by way of the boxes
   that are left. These are the *gates* of the next pass.
6. *Lists* (`lists`). A pass with exact states, dropped where no gate lets them through. A list that grows too long keeps its
   most promising states: that finds good sets, and shows nothing.
7. *Search* (`solve`). Short lists first, for a good value; then boxes for the next value, and lists through what they leave,
   near the best they hold first. A pass that is complete and reaches no goal lowers the bound to just below it.

=====================  ===============================================================================================
``D``, ``mu_l``        `program.MoneyProgram`: ``scale`` and `program.Stage`: ``price``; any do, so they are reduced and rounded up
open items             ``MoneyProgram.cost``, ``score``, ``worth``, ``members``: of each bundle, costs over their common divisor
held items             ``MoneyProgram.held``, ``score_held``
money for open items   ``MoneyProgram.room``
debt, places ahead     ``Stage.debt``, ``ahead``; ``Stage.bonus(debt)`` is what the places are worth that can still be filled
states                 `states.States`: ``cost``, ``score``, ``taken`` (the last decisions, as bits)
cells, gates           ``length`` of a cell; `states.Gate`: ``low``, ``high``, ``gain``
bound, what shows it   `solve._MoneyPasses`: ``bound``, and ``cells``, the lengths of the passes that end without states (0: no cells)
=====================  ===============================================================================================

*Exactness.* States are ``int64``. A program whose totals could reach ``WORTH_ROOM`` or ``MONEY_ROOM`` is not made, and below
these the one quotient, of 4, is exact (`states.share`). ``cells`` with the leaf's multipliers are a proof, whose checker is
:mod:`fedmech.solvers.proofs.dynamic`; it shares no code with anything here.
"""

from .solve import amounts, close_by_money

__all__ = ["amounts", "close_by_money"]
