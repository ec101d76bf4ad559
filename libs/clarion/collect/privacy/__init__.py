"""Personal values: tokens for joins, sealed values in the vault, persons taken out for want of consent."""
