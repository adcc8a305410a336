"""Who can be placed: ORP, flows under seats, and DriftPay-CO's prefix scan."""
