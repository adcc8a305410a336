"""The procurement market: its instance, its files, and one readable Pyomo formulation a problem."""
