"""Pure column expressions and small statistics that capabilities share."""
