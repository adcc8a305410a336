"""Claims, the searches and proofs that judge them, the ledger."""
