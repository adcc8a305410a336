"""OPT over a folder of files larger than memory: a sample, one pass, a band, and one more pass that checks.

*Problem.* As in :mod:`fedmech.solvers.pooled`: a knapsack over a partition matroid, of rows that do not fit in memory. Source: OPT is
DriftPay, section 6 (stated); the algorithm is ours.

1. *Sample* (`passes.sample_files`). A few whole files give rows from everywhere in them.
2. *Guess* (:func:`~fedmech.solvers.pooled.reduction.guess_from_sample`). The dual of the sample gives a price of money, a threshold
   for each group, and in each group a *band* around it, as wide as sampling can be off by. Where all rows tie, noise hashed from
   their numbers decides.
3. *RowSplit* (`passes.split_files`). One pass takes the rows above the band, drops those below, keeps the band's rows, and draws a sample
   from all rows alike. Nothing is kept of the others but a bit each.
4. *Band* (`solve.solve_folder`). The pooled search solves it in memory with what is left of limits and budget. Its leaves'
   multipliers, over the whole, are the proof.
5. *Rest*. A leaf with a gap leaves open only the rows whose reduced value is within it. They make a small market, solved and proved
   like any other.
6. *Check* (:mod:`fedmech.solvers.proofs.streamed`). One pass of a checker that shares nothing with the search finds what the point is
   worth and what the leaves prove that nothing exceeds.
7. *Again*. Where the two differ, or 3 took too much, the next guess comes from the sample of 3, which no order of the rows can bias,
   and then the band widens. Few rows are all taken for the band. At last the best point and the least bound are the answer.

==========================  ============================================================================================
sample, band                `sizes.Sizes`: how many rows; `passes.RowSplit`
price, thresholds, widths   :class:`fedmech.solvers.pooled.reduction.Guess`: ``price``, ``offsets``, ``halves``
point                       a bit for each row of each file; `solve.StreamedSolution`: ``chosen``
leaves                      :mod:`fedmech.solvers.proofs.streamed`, bodies
==========================  ============================================================================================

DriftPay-CO's outcome over the same files is `prefix`'s, by a bracket in the place of the band and a witness in the place of leaves
(:mod:`fedmech.solvers.proofs.folder_outcome`).

*Exactness.* Floating point guesses which rows to take; scores, costs and counts are summed in integers, and nothing is believed of the
search: value and bound are the checker's.
"""

from .prefix import find_witness
from .sizes import Sizes
from .solve import StreamedSolution, solve_folder
from .winners import write_paid_winners, write_winners

__all__ = ["Sizes", "StreamedSolution", "find_witness", "solve_folder", "write_paid_winners", "write_winners"]
