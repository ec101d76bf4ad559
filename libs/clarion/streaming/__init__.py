"""Live figures: minutes, customers, competitors."""
