"""The papers' experiments as configurations, and sweeps over them."""
