"""Profiles of customers and daily sums of customers and products, as of any day."""
