"""What will be sold."""
