/* An entry to COMBO (Martello, Pisinger, Toth) by arrays, for opt_peers.py; README.md says how the two become a library. */
#include "combo.c"

long by_arrays(long n, const long *scores, const long *costs, long budget)
{
  long k, all = 0, best;
  item *items = calloc(n, sizeof(item));
  for (k = 0; k < n; k++) {
    items[k].p = scores[k];
    items[k].w = costs[k];
    all += scores[k];
  }
  best = combo(items, items + n - 1, budget, 0, all, TRUE, FALSE);
  free(items);
  return best;
}
