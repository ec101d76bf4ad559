"""Decide what to offer to whom, deliver it, and measure what it did."""
