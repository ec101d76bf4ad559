"""The only place that reads or writes a table."""

from clarion.lake.lake import Lake

__all__ = ["Lake"]
