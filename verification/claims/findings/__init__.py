"""Findings: claims that no paper makes."""
