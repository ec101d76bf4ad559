"""Paths of visitors through a session, and where they drop off."""
