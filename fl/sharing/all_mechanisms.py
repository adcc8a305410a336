"""Imports every module that registers a mechanism of sharing markets; add yours here."""

from . import comparators, pivotal, swan, unique

__all__ = ["comparators", "pivotal", "swan", "unique"]
