"""OPT-SEP, the winner selection with one budget for every requester."""
