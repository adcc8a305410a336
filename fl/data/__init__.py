"""Labelled images in the box and from folders a user has; label noise; tables of what real clients hold."""
