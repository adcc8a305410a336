"""The tree checked in plain Python integers, written to be read; what is claimed and why it holds, step by step.

The claim is that no point of ORP, OPT, OPT-SEP or COVER is worth more than a bound. Points that are better are worth at least
``goal``, the next multiple of what divides the data. A *tree* of nodes shows that there are none. Read `instance` (what a node is),
`bound` (steps 1 to 6: what multipliers prove about a node), `narrow` (7 to 9: what they rule out), `search` (10 to 13: going through
what is left) and `check` (the walk over all nodes), in this order. Nothing here depends on where a proof comes from: whatever the
multipliers and branches are, what is accepted is true.
"""
