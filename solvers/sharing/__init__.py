"""Social states of the MoTS market: who should train so that welfare is greatest and the error small enough.

*Problem.* Type i has ``N_i`` clients with ``D_i`` samples each, who take part at cost ``c_i``. A state k says how many of each
do. With ``K = sum_i k_i``, ``T = sum_i k_i / D_i``, ``C = sum_i c_i k_i`` and N clients in all,

    maximise  served U(eps) - C   subject to   eps <= max_error,  K >= 1,  0 <= k_i <= N_i integer,
    eps = noise T / K^2 + client_variance (1 - 1/K),   noise = dimension * data_variance,

where everybody is served, N (SWAN, Problem 2), or the participants only, K (its existing FL framework, eq. (23)). Source: both
problems are stated; the error, eq. (3), and the welfare are reconstructed where the public text lost the formula
(:mod:`fedmech.models.sharing.market`); the algorithm is ours.

*Plane.* For any prices ``mu`` and ``nu``, summing ``c_i + mu / D_i - nu`` over the clients shows ``C >= g + nu K - mu T``,
where ``g = sum_i N_i min(0, c_i + mu / D_i - nu)``. So no state of K and T is worth more than
``F(K, T) = served U(eps(K, T)) - (g + nu K - mu T)``.

The method ``frontier`` (`cover.CoverSearch`; `solve` is the front door):

1. *Requirement* (`requirement`). The least and the greatest error of any state, exactly; if the least is above ``max_error``
   there is none.
2. *Assumption* (`assumptions`). U must certainly be defined, and fall, on the errors between; else the market is refused.
3. *Envelope* (`envelope`). For a price mu the cheapest states take the types in the order of ``c_i + mu / D_i``. The state at
   K, a vertex of the lower envelope of C, gives nu and the plane that touches it there.
4. *Cells* (`relaxation`). A cell is ``K1 <= K <= K2`` with T between two lines in K. F is bounded on it by its slope in T (it
   rises, it falls, it is convex and so largest at a side, or its slope is bounded), then the same way in K along a side.
5. *Search*. The cell with the greatest bound comes first. It is cut in K or in T, whichever promises fewer cuts to come, until
   it cannot hold a state better than the best one known.
6. *States* (`incumbent`, `worth`). Vertices met on the way, and states on an edge of the envelope next to the requirement, are
   offered.
7. *Listing* (`listing`). Where no cut is left, in a cell of one K, all states are listed that lose little enough against the
   plane: a client loses ``|c_i + mu / D_i - nu|`` by being on the wrong side of it.
8. *Proof* (`cover.CoverSearch.proof`). The cuts, and the plane of each cell that is left; checked in the same call (`solve`).

Beside it, with searches of their own: ``pareto`` (`pareto`) adds type after type and forgets what another state of the same K
beats in T and C; ``enumeration`` (`enumeration`) looks at every state; ``pyomo-highs`` (`highs`) is the linearised reference
model, U replaced by chords. `tradeoff` solves again and again, for the curve of welfare against error and for what moves with a
parameter.

===================  =================================================================================================
``N_i c_i 1/D_i``    `envelope.ScaledTypes`: ``counts``, ``c``, ``q``, as integers; equal types merged, ``members`` are the types behind
``T``, ``C``         ``t = T * q_unit`` and ``w = C * c_unit``, integers at each state
``mu``               `envelope.Price`, a pair ``(a, b)``: ``a / b``, scaled cost for scaled inverse size
the plane            `envelope.TouchingPlane`: no scaled cost is below ``(worth + nu (K - K0) - a t) / b``; so nu is there times ``b``
a cell, its lines    `relaxation.SearchCell`: ``K1``, ``K2``, ``lower``, ``upper``; `envelope.CellLine`: ``t = alpha + beta K``
``F`` on a cell      `relaxation.CellRelaxation.over`; along a line ``along``, at its end ``corner``
``U U' U''``         ``utility_at``, ``slope_at``; `relaxation.UtilityShape`: where the sign of ``U''`` is known
welfare              `worth.Worth`: from ``low`` to ``high``, which are equal if U is rational
===================  =================================================================================================

*Exactness.* A state's welfare is a fraction if U is rational, else an interval that certainly holds it; two are compared with
more and more digits, and if these never part the states count as tied. The search works in decimal numbers of 50 digits, 200 or
800 where two cannot be told apart, rounded to nearest: it may err in the last of them, and nobody believes it. The checker,
:mod:`fedmech.solvers.proofs.social`, rounds outwards or not at all, and refuses what the search got wrong. Where U is not
rational, the claimed bound is a little above the welfare, so that other roundings accept it.
"""
