"""Proofs for optima, whichever method found them.

*Problem.* A search has a feasible point and a bound: no point of ORP, OPT, OPT-SEP or COVER is worth more. Find, for this
bound, a proof that the checker of trees accepts (:mod:`fedmech.solvers.proofs`): nodes with multipliers, split by a worker or
by the number hired, in each of which a point that is better than the bound loses more than it may. The method is ours.

A search need not know what a proof is: any multipliers give a bound, and good ones leave little open.

1. *As it stands* (`leaves`). If the search rested its bound on leaves, multipliers for intervals of the number hired, they are
   written down as a tree that is split by that number alone. `solve` tries this first.
2. *Beginning* (`tree._beginnings`). Else a tree is grown from these leaves; for ORP from the prices that the greedy shows, for
   OPT from the multipliers of a search without leaves; for OPT-SEP with one purse for all requesters, where pooling gains
   nothing, or else with one of each.
3. *Node* (`tree._Growing`). What the multipliers of the node before rule out is ruled out; if nothing better is left, the node
   is done. Else it gets multipliers of its own, and is searched, by the checker's arithmetic, where it is the first or a leaf
   of 2 (with one purse), or little is open.
4. *Multipliers* (`suggest`). With one purse, no seats that matter and no coverage, the exact dual of the pooled problem
   (:mod:`fedmech.solvers.pooled`); else the linear relaxation of the node, its duals by HiGHS rounded to integers over a power
   of two. Where more are held than can be placed, a price of 1 on the full groups shows it.
5. *Branch* (`tree._Growing`). A node that stays open is split by the worker of whom the relaxation is least sure, of these the
   dearest: a node for each purse that may hire it, and one where nobody does.
6. *End*. No nodes are left: the tree is a proof, handed to the checker like any other. With more than ``MOST_NODES`` nodes, or
   after ``STEP_SECONDS`` seconds, it is given up (`NoCertificateError`): the bound may be right all the same, but nobody may say
   so.
7. *Fallback* (`fallback`). A weaker bound that takes no search: one set of multipliers (for OPT-FRAC too). It is what is left
   of a search that was stopped early, or whose proof was refused.

`tree.certify` writes an optimum and its proof to a document, and checks that before it is handed out.

=======================  =============================================================================================
prices of a leaf         `pooled.leaf_multipliers.LeafMultipliers`: ``scale``, ``count``, ``price``, ``limits``; ``low``, ``high``
prices of a node         `proofs.nodes.Multipliers`: ``scale`` D, ``count`` nu, ``money`` lam and ``places`` mu by purse, ``levels`` rho
a node, what it leaves   `proofs.nodes.Node`; `proofs.walk.Narrowed`: ``gap``, ``node``, ``flips``
doubt about a worker     ``Suggestion.doubt``, larger is more
=======================  =============================================================================================

*Exactness.* Nothing here has to be right. Floats, HiGHS and guesses choose multipliers and where to branch; what these prove is
computed in integers by the checker's own code while the tree grows, and once more, from the finished proof and the market
alone, by the checker. A tree that is grown badly is too long, or given up; it is never false.
"""
