"""The sharing market at work: SWAN, its equilibria, its comparators, its curves."""
