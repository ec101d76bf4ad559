"""Reads and scores without a JVM."""
