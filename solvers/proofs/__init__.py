"""What a proof is, and the checkers, which import the models and nothing else.

*Claim.* A `Proof` says: no feasible point of ``problem`` on this instance is worth more than ``bound``. It holds the problem,
the *kind*, the bound (an integer in units of the objective; a fraction for OPT-FRAC and social states), and a *body* of plain
data that the checker of its kind reads. A point is no part of it: an optimum is a feasible point whose value meets a proved
bound, and a search that was stopped still proves the bound it had. The formulas are the papers' problems
(:mod:`fedmech.models`); what is proved, and how, is ours.

How a claim is accepted:

1. `proof.check_bound` takes the proof, the instance and a *pulse*, which is called again and again and may end the check by
   raising. ``KINDS`` names the module of the kind.
2. The checker refuses a body whose fields or numbers are not what they should be.
3. It reads all data from the instance. Nothing that a search says about the data is used.
4. The *goal* is the least value above the bound that a point can have, a multiple of what divides the data. What reaches it
   loses at most a *gap* against the multipliers of the proof, by weak duality (`tree`, `dynamic`, `packing`; the other kinds
   compare with the bound itself).
5. It shows that no point is worth more, in the way that the head of its file states and justifies step by step; or it raises
   `ProofError`, which says why. A proof that would take too much work to check is refused too.
6. A document is a point, its value and a proof in one file (`document`; `social_document` for social states): the digest of the
   instance has to be right, the point is checked and valued anew (`point`), then the bound as above.

==============  ========================  ====================================================================================
kind            problems                  how; files
==============  ========================  ====================================================================================
``tree``        ORP, OPT, OPT-SEP, COVER  nodes with multipliers; `tree`, `nodes`, `walk`, and two checkers,
                                          :mod:`~fedmech.solvers.proofs.reference` and :mod:`~fedmech.solvers.proofs.arrays`
``dynamic``     OPT, OPT-SEP              multipliers, then a dynamic program over money; `dynamic`
``staircase``   OPT, OPT-SEP              a slope, and counts of two classes of workers; `staircase`, with a checker of either sort
``subadditive`` OPT, OPT-SEP              a function on the residues of money, then a short list; `subadditive`, with a checker of either sort
``lattice``     OPT, OPT-SEP              two whole numbers, and trees that bound them; `lattice`, with a checker of either sort
``packing``     OPT-SEP                   a price for each worker, lists of sets, no packing; `packing`, `purse_sets`, `disjoint_sets`
``blocks``      OPT-SEP                   a price for each worker, pooled optima of blocks of requesters, branches; `blocks`
``kinds``       OPT-SEP                   counting, where workers are of few kinds; the body is empty; `kinds`
``fractional``  OPT-FRAC                  one set of multipliers; `fractional`
``social``      social states             cells of participants and data, a plane for each; `social`, `listed_states`, `enclosure`
==============  ========================  ====================================================================================

`outcome` checks no bound: it recomputes what DriftPay-CO (DriftPay, section 5, stated) does on a market, and compares.

*What a checker may import.* :mod:`fedmech.models`, this folder, the standard library, numpy. No search, no solver, no
mechanism: a fault there cannot make a false proof pass here. A test holds every file to the models and this folder. Where a
checker must do what a search does too, it is written a second time.

====================  ================================================================================================
``D``                 ``scale``, the common denominator of multipliers
``lam mu nu rho``     ``money`` (by purse), ``places`` (by group), ``count``, ``levels`` (by kind of coverage); `nodes.Multipliers`
``lam``, ``mu``       ``price``, ``places`` in the bodies of kind ``dynamic``
``u_i W_k E_k``       ``workers``, ``best``, ``scale`` of a purse in the bodies of kind ``packing``
``u_i W_b``           ``workers`` of a leaf, ``bound`` of a block in the bodies of kind ``blocks``
``mu nu U''``         the prices of a ``plane`` or ``list`` leaf, and ``curvature`` between ``bends``, in the bodies of kind ``social``
====================  ================================================================================================

*Exactness.* Python integers and fractions; arrays of 64 bits only where a bound on the largest number that can occur was
computed first. Welfare of social states is enclosed in intervals of decimal numbers whose ends are rounded outwards, or of
fractions (`enclosure`).
"""
