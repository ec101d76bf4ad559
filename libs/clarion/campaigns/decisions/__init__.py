"""Which offer for which customer, within a budget, with a holdout and a reason for everything."""
