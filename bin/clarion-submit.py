"""The command for spark-submit, which cannot take a wheel as its application.

The file is not named clarion.py: its folder comes first on the path and would hide the package.
"""

from clarion.jobs.__main__ import entry_point

entry_point()
