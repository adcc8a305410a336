"""Pages for people: a market, a result or the ledger as one HTML file that needs nothing else."""
