"""When a customer will need a category again."""
