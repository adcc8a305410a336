"""Configurations of experiments that ship with the package."""
