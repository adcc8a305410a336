"""Recorded measurements that some verdicts cite, as JSON; read, checked and re-derived by :mod:`..trained_evidence`."""
