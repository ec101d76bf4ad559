"""Shops whose truth is known: they make raw data, dirt included, and answer campaigns."""
