"""Column expressions and statistics that capabilities share."""
