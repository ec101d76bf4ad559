"""Tags of customers: declared rules, trees that explain groups, and association rules."""
