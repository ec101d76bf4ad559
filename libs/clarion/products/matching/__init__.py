"""Which of the shop's products a competitor's listing is."""
