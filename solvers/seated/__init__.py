"""OPT with seats that bind, and its linear relaxation OPT-FRAC."""
