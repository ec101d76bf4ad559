"""Typed settings. The only place that reads conf/ or the environment."""

from clarion.config.load import Config
from clarion.config.settings import settings

__all__ = ["Config", "settings"]
