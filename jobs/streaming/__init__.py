"""S4: watch the shop live."""
