"""Describe products, compare them and recommend them."""
