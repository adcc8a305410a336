"""Imports every module that registers a mechanism; add yours here."""

from . import driftpay, drop_top

__all__ = ["driftpay", "drop_top"]
