"""For spark-submit, which cannot take a wheel as its application; not clarion.py: its folder comes first on the path."""

from clarion.jobs.__main__ import entry_point

entry_point()
