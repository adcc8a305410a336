"""Optima and their proofs for checkers that are not ours: VIPR certificates, and OPB models with pseudo-Boolean proofs.

*Problem.* ORP, OPT, OPT-SEP or COVER of a market, an optimum and its value. Write a file in which the whole problem, the point, and
a derivation of the bound stand, so that a checker who knows nothing of markets accepts it. How VIPR and VeriPB work is not ours
(Cheung, Gleixner and Steffy 2017; Bogaerts, Gocht, McCreesh and Nordstrom 2022); what is derived, and how it is found, is.

1. *Program* (`program`). The market as an integer program: every number of it stands there as it is.
2. *Derivation* (`branching`). A tree whose leaves are linear combinations (`combination`). Multipliers of our own proof are tried
   first (`multipliers`), so a proof that closes at the root, or for each number hired, is one combination for each.
   Where a row's limit is no multiple of what divides its coefficients, it is rounded down first.
3. *Reduction* (`reduction`). Else the multipliers of the root leave few columns open, and the rows are written once more in these
   alone; the tree is one of that program.
4. *Split*. A column or the number hired, at a whole number: of what is not whole in the node's relaxation (`linear`), that which
   brings down both sides most. Our own proofs enumerate a core where it pays; here that is branched out, and what needs more than
   ``MOST_NODES`` nodes is refused in one line. So may be what we prove by dynamic programs, lists of sets or counting.
5. *Writing* (`vipr`, `opb`). Both write the same tree.

*Exactness.* Multipliers are rounded to whole numbers over a power of two, and whether a leaf is closed is computed in integers. HiGHS
proposes, nothing more. What is written is for others to check; a replayer in tests/support, which shares no code with this folder, does.

====================  ================================================================================================
multipliers           `linear.RowPrices` (exact fractions), `combination.Combination` (whole numbers over ``scale``)
a node                `linear.Bounds`: columns within other bounds, and at least ``low`` and at most ``high`` hired
``goal``              the least value above the bound that a point can have
outer, inner          the whole program, and what a reduction leaves of it
``stay``              columns that are where their margins want them in every point that is good enough
====================  ================================================================================================
"""
