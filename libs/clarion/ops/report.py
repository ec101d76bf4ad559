"""stub"""

from pathlib import Path

from clarion.ops.demo import Demo


def write(demo: Demo) -> Path:
    return demo.folder / "report.html"
