"""Written proofs, and what holds their steps: algebra and SMT."""
