"""The definitions read literally, in plain fractions, to re-check witnesses."""
