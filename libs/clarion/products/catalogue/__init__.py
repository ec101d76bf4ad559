"""The products that a shop sells."""
