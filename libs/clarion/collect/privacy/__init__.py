"""Personal values: tokens for joins, sealed values in the vault, persons removed from records."""
