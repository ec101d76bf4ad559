"""Channels that messages go out through."""
