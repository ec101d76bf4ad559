"""Which categories a customer buys next."""
