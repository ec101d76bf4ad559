"""S1: collect and clean."""
