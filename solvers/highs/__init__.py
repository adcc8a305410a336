"""The one place where HiGHS is made and read: arrays, Pyomo models, options, tolerances.

HiGHS works in floating point, to tolerances. Three things are asked of it: a mixed-integer program whose optimum is wanted (the
methods ``highs-arrays`` and ``pyomo-highs``; in :mod:`~fedmech.solvers.seated`, :mod:`~fedmech.solvers.separate` and
:mod:`~fedmech.solvers.coverage` what their own search leaves), duals that are rounded to multipliers, of which any give a valid
bound (:mod:`~fedmech.solvers.certify`, :mod:`~fedmech.solvers.separate`, :mod:`~fedmech.solvers.coverage`), and explanations
(:mod:`~fedmech.solvers.explain`). The models are those of the papers' problems (:mod:`fedmech.models.procurement`), as arrays:

    ORP, OPT    one binary for each worker, group totals, or with seats a flow of group counts to requesters; the pooled budget
    OPT-SEP     one binary x_ij for each pair that caps, seats and the budget admit on its own
    COVER       facility location on the model of OPT: kind r is served by one worker who is hired, for z_ir

1. *Make* (`interface`). A version that must not be used is refused: below 1.8, and 1.14.0, which returns wrong optima. What
   else differs between versions (what a callback is handed, a banner on standard output) is known there and nowhere else.
2. *Options* (`tolerances`). Both MIP gaps 0, one thread, one seed; each return code is checked. All tolerances of the hand-over
   are in this file.
3. *Model* (`run.MipArrays`, `arrays`; `pyomo_method` for the literal Pyomo formulations). Data are integers over a common
   denominator.
4. *Run* (`watch`, `run`, `pyomo_run`). In a thread of its own, with an outer deadline: Ctrl-C and the time limit keep what was
   found. A solver that does not come back is left alone, and not touched while it is busy.
5. *Read* (`interface.read_ending`). Endings are known by name; one that is not claims nothing.
6. *Re-check* (`claims`). A point is rounded, then checked and valued in exact arithmetic. One that breaks a constraint is cut
   off, with all that contains it, and the model is solved again. One that is better than all before becomes the best.
7. *One unit more* (`claims`). Then the model is asked for a value one unit higher. "Infeasible" is the claim that nothing is
   better. If an exact bound already meets the value, no claim is needed.

*What a claim is worth.* "HiGHS, with both gaps 0, on integer data all of whose sums are exact in double precision (below
``EXACT_IN_DOUBLE``), found nothing one unit better": a `SolverClaim`. It is reported as ``solver`` and never as proved. On
larger data HiGHS may find points, but makes no claim. The bound that `claims` hands on is exact in every case, and rests on no
word of HiGHS. Beyond what a double can hold HiGHS refuses (`HighsRefused`) or nothing is asked, and what is left is that bound.

==============================  ======================================================================================
``max o x``                     `run.MipArrays`: ``objective`` o, ``upper`` bounds of x, ``integer`` columns
``lower <= A x <= upper``       ``MipArrays.rows``, added by ``at_most``, ``at_least``, ``equal``
the binaries, x to and from     `arrays.Formulation`: ``binaries``, ``read`` (an assignment), ``write`` (a point to start from)
what a run says                 `run.HighsRun`: ``outcome``, ``point``, ``stopped``; `run.LpRun`: ``value``, ``point``, ``prices``
cut off; one unit more          ``cuts`` and ``floor`` of `claims.Propose`
==============================  ======================================================================================
"""
