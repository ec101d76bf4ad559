"""Which offer for whom, within a budget, with a yardstick and a reason for everything."""
