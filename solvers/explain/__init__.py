"""Why an optimum is what it is: prices of limits, and limits that rule each other out.

*Problems.* Both look at the linear relaxation, which lets workers be hired in parts: shares ``x_i`` and places ``y_lj`` with

    0 <= x_i <= 1,  sum_{i in l} x_i = sum_j y_lj,  y_lj <= tau_lj,  sum_l y_lj <= s_j,  sum_i c_i x_i <= B

(OPT-SEP: ``x_ij`` and a budget for each requester; ORP: no budget; COVER: also shares in which a worker serves a kind, no more
than ``x_i``). Prices: ``max sum_i v_i x_i``, and the duals of the limits. Conflict: which targets and limits together rule a
request out. Source: the problems are DriftPay's, sections 5 to 7 (stated); the relaxation, and what is read from it, are ours.

Prices (`prices.lp_prices`):

1. The relaxation is written in cvxpy, scores and money scaled to at most 1, and solved by HiGHS.
2. The duals of caps, seats and budgets, scaled back, are prices in score per unit. Shown are limits that bind or have a price.
3. For ORP, and for OPT and OPT-FRAC, the value of the relaxation is computed exactly too, by the matroid and by the price of
   money (:mod:`fedmech.solvers.placement`, `fedmech.solvers.seated.parametric`), and with a pooled budget what one more unit of
   it adds.

Conflict (`conflict.find_conflict`), for targets t, each a gain for each worker and an amount wanted (a total score; for each
kind of coverage one worker who reaches the level):

4. The relaxation misses the targets by as little as possible: ``min sum_t missing_t`` with
   ``(gain_t / wanted_t) x + missing_t >= 1``. If it need not miss any, there is no conflict to be found in it; the integer
   problem may have one still.
5. Targets and limits with a price there may take part. A deletion filter drops each limit, then each target, without which the
   others still cannot be met: what is left rules itself out, and no limit in it is needless.
6. The multipliers, made fractions, are tested exactly: no set that can be placed and paid meets all targets if
   ``max over placeable S of sum_{i in S} (sum_t weight_t gain_ti - price c_i)`` plus ``price * B`` stays below
   ``sum_t weight_t wanted_t``.

============================  ========================================================================================
``x``, ``y``, money spent     `prices.LinearRelaxation`: ``hired``, ``placed``, ``spent``
caps, seats, budgets          ``cap_rows``, ``seat_rows``, ``budget_rows``, whose duals are the prices; all else is in ``fixed``
a price, its limit            `prices.LimitPrice`: ``price``, ``limit``, ``used``, ``binding``
exact values                  `prices.LpPrices`: ``exact_value``, ``one_more_unit_of_budget``
the conflict                  `conflict.Conflict`: ``targets``, ``limits``, ``shortfall``, ``proved``
============================  ========================================================================================

*Exactness.* Prices, shortfalls, and who takes part in a conflict are floating point, to the tolerances of
`fedmech.solvers.highs.tolerances`: they explain, and prove nothing. They are prices of the relaxation: the integer optimum may
gain more or less by one more unit, and where several dual solutions exist one of them is shown. Exact are the values of 3, and
``proved`` of a conflict: 6 is computed in integers, by the matroid greedy.
"""
