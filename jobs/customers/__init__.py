"""S2: describe customers and group them."""
