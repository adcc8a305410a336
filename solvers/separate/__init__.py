"""OPT-SEP, the winner selection with one budget for every requester.

Maximise ``sum v_i x_ij`` where each worker i has at most one requester j, ``(l, j)`` holds at most ``caps[l, j]`` workers, j at most
``seats[j]``, and ``sum_i c_i x_ij <= B_j``. The symbols of the mathematics, and where they are in the code:

1. *Prices of purses* (`multipliers`). For ``lam_j`` (``budget``), ``mu_lj`` (``slot``), ``sigma_j`` (``seat``) >= 0 over a ``denominator``,

       optimum <= sum_j (lam_j B_j + sigma_j seats_j) + sum_lj mu_lj caps_lj + sum_i u_i =: total,
       p_ij = v_i - lam_j c_i - mu_g(i)j - sigma_j (``reduced``),   u_i = max(0, max_j p_ij) (``best``).

2. *Prices of workers* (`worker_prices`). For any ``u_i >= 0`` (``price``), ``optimum <= sum_i u_i + sum_j W_j``, where ``W_j`` (``best``) is
   the most ``sum_{i in S} (v_i - u_i)`` of a set S that j can have (`one_requester`, `near_sets`). 1 is the case in which ``W_j`` is bounded
   by what j's money, slots and seats are worth.
3. *Loss*. Against either bound an allocation loses, exactly, what each requester's set falls short of ``W_j`` (``loss``), and ``u_i`` for
   each worker left out (``left_out``). One worth a unit more than the best known loses at most ``gamma``; so each requester's sets
   within ``gamma`` are listed (`columns`, `near_sets`) and packed, no worker twice (`packing`). If none can be packed, the bound
   falls by ``gamma``.
4. *Pooled sets* (`steps`). Every allocation hires a set that one purse with all the money could pay for. Those are listed by falling
   value; the first that can be split over the requesters is an optimum (`split`, `exact_split`).
5. *Blocks* (`block_tree`, `block_prices`). Between 1 and 2: some requesters share a purse, and W_b is what this block can make. Branch and
   bound on who is hired by which block; bounds and leaves are proofs (:mod:`fedmech.solvers.proofs.blocks`).
6. *Kinds* (`by_kind`). Workers of one score, cost and group are counted, not listed.

`search` has the order of the steps, `evidence` writes what a bound rests on as a proof; the checkers are
:mod:`~fedmech.solvers.proofs.packing`, :mod:`~fedmech.solvers.proofs.blocks` and :mod:`~fedmech.solvers.proofs.kinds`, which share no code with anything here.
"""
