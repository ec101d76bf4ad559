"""What became of a strategy, and how its next version differs."""
