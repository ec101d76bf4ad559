"""Erasure, undo, grants and the quarantine."""
