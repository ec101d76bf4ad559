"""For spark-submit, which cannot take a wheel as its application."""

from jobs.__main__ import entry_point

entry_point()
