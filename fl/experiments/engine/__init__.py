"""How any experiment is configured, swept, recorded and drawn."""
