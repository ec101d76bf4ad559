"""Which series move with revenue."""
