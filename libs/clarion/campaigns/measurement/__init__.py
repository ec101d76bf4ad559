"""What a strategy achieved, and how its next version differs."""
