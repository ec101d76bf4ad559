"""Ways in: a shop's files through its mapping, each record with its name and number."""
