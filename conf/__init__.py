"""The packaged configuration: read through importlib.resources."""
