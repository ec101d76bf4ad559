"""Column expressions and frames on Spark: no action, no session."""
