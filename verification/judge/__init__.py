"""Holding one market to what the ledger says: which claims apply to it, what they guarantee, what is attained."""
