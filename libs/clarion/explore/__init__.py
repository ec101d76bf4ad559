"""Questions that a person asks of a lake."""
