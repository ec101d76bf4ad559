"""Compile the classes that encrypt tables and write local files. It alone needs a JDK.

The jar is stored beside the sources, so that a machine with a Java runtime alone can use it. A test
compares its record of the sources with them. Run by `make jar`.
"""

import hashlib
import subprocess
import tempfile
import zipfile
from pathlib import Path

import pyspark

HERE = Path(__file__).parent
JAR = HERE / "clarion.jar"
SOURCES = sorted((HERE / "clarion").glob("*.java"))


def digest() -> str:
    """SHA-256 of the sources."""
    return hashlib.sha256(b"".join(source.read_bytes() for source in SOURCES)).hexdigest()


def main() -> None:
    """Write the jar, with the digest of its sources in the manifest."""
    with tempfile.TemporaryDirectory() as folder:
        jars = Path(pyspark.__file__).parent / "jars"
        subprocess.run(
            [
                "javac",
                "--release",
                "17",
                "-Werror",
                "-cp",
                f"{jars}/*",
                "-d",
                folder,
                *map(str, SOURCES),
            ],
            check=True,
        )
        with zipfile.ZipFile(JAR, "w", zipfile.ZIP_DEFLATED) as jar:
            manifest = f"Manifest-Version: 1.0\nSources-SHA-256: {digest()}\n\n"
            entries = {"META-INF/MANIFEST.MF": manifest.encode()}
            entries |= {
                str(path.relative_to(folder)): path.read_bytes()
                for path in sorted(Path(folder).rglob("*.class"))
            }
            for name, content in entries.items():
                # Without a time: equal sources give equal jars.
                jar.writestr(zipfile.ZipInfo(name), content)


if __name__ == "__main__":
    main()
