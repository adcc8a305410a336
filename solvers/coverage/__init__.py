"""COVER, the winner selection for coverage: the best entry of each kind counts once."""
