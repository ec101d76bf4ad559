"""Compile the classes that Spark's executors need to encrypt files; needs a JDK, which nothing else here does.

The jar is kept beside the sources so that a machine with a Java runtime alone can use it; a test holds its record of the
sources against them. Run by `make jar`.
"""

import hashlib
import subprocess
import tempfile
import zipfile
from pathlib import Path

import pyspark

HERE = Path(__file__).parent
JAR = HERE / "table-crypto.jar"
SOURCES = sorted((HERE / "clarion").glob("*.java"))


def digest() -> str:
    """SHA-256 of the sources."""
    return hashlib.sha256(b"".join(source.read_bytes() for source in SOURCES)).hexdigest()


def main() -> None:
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
            entries = {
                "META-INF/MANIFEST.MF": f"Manifest-Version: 1.0\nSources-SHA-256: {digest()}\n\n".encode()
            }
            entries |= {
                str(path.relative_to(folder)): path.read_bytes()
                for path in sorted(Path(folder).rglob("*.class"))
            }
            for name, content in entries.items():
                jar.writestr(
                    zipfile.ZipInfo(name), content
                )  # without a time: equal sources make equal jars


if __name__ == "__main__":
    main()
