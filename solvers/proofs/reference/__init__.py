"""The tree checked in plain Python integers, written to be read; what is claimed and why it holds, step by step.

The claim is that no point of ORP, OPT, OPT-SEP or COVER is worth more than a bound. Points that are better are worth at least
``goal``, the next multiple of what divides the data. A *tree* of nodes shows that there are none. Nothing here depends on where
a proof comes from: whatever the multipliers and branches are, what is accepted is true. The steps, each stated and justified at
the head of its file, in the order in which to read them:

1. `instance`: the symbols; what a node is, who is hired in it, who may still be.
2. `bound`, steps 1 to 6: what multipliers prove about a node. What may be hired is worth so much, money, places and the number
   hired are worth so much, so each worker has a margin, and every point falls short of the bound by its loss.
3. `narrow`, steps 7 to 9: a point that is better loses at most the gap, so choices that lose more are ruled out, until none
   goes.
4. `search`, steps 10 to 13: the least that any point loses, going through all that is left, equal choices bundled, in two
   halves. If that is above the gap, there is no better point.
5. `check` puts these into the walk over all nodes (:mod:`fedmech.solvers.proofs.walk`): a node either holds nothing better, or
   is split into nodes that hold all its points between them, each of which is checked in turn.

*Exactness.* Integers of Python, of any size, and nothing else. :mod:`fedmech.solvers.proofs.arrays` does the same for markets
of any size, in code of its own; tests hold both to the same verdicts.
"""
