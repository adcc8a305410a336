"""DriftPay: one file for each section or theorem."""
