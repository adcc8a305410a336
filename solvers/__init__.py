"""How an optimum is found and proved."""
