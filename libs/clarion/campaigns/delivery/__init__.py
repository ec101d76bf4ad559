"""Messages: an outbox, and the channels that empty it."""
