"""CARE: PEA and CARE-NO."""
