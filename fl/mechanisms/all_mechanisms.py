"""Imports every module that registers a mechanism; add yours here."""

from . import care_no, driftpay, driftpay_no, drop_top, pea

__all__ = ["care_no", "driftpay", "driftpay_no", "drop_top", "pea"]
