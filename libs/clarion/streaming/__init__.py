"""What happens now: minutes, customers, competitors."""
