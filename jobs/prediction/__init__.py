"""S4: predict."""
