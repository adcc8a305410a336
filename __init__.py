"""fedmech: exact optima, mechanisms and machine-judged theorems for federated-learning markets."""

__version__ = "0.1.0"
