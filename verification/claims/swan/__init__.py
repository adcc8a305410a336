"""SWAN: error model, social states, mechanism, observations."""
