"""What customers will do: outcomes within a horizon, predicted from what was known before it."""
