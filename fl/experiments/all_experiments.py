"""Imports every module that registers an experiment; add yours here. None of them may import torch at its top."""

from .papers import (
    care,
    contribution,
    network_effects,
    procurement,
    swan_error,
    swan_welfare,
    truthfulness,
)

__all__ = [
    "care",
    "contribution",
    "network_effects",
    "procurement",
    "swan_error",
    "swan_welfare",
    "truthfulness",
]
