"""Describe customers and group them."""
