"""Social states of the MoTS market: who should train so that welfare is greatest and the error small enough."""
