"""Imports every module that registers a mechanism; add yours here."""

from . import driftpay

__all__ = ["driftpay"]
