"""One file per group of claims."""
