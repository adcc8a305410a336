"""What a proof is, and the checker, which imports the models and nothing else."""
