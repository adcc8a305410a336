"""Mechanisms: bids in; allocation, payments and prices out. One file each."""
