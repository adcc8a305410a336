"""Looking for witnesses: boxes, random markets, hill climbing, shrinking."""
