"""Declared features of customers (conf/features.yml), computed as of any day."""
