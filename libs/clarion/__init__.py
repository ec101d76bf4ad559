"""Clarion: from a shop's raw data to campaign decisions that can be explained, measured and corrected."""

__version__ = "0.2.0"
