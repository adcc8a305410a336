"""Imports every module that registers a mechanism of sharing markets; add yours here."""

from . import comparators, swan, unique

__all__ = ["comparators", "swan", "unique"]
