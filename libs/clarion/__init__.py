"""Campaign decisions from a shop's raw data: explained, measured and corrected."""

__version__ = "0.2.0"
