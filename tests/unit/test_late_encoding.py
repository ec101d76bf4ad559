"""The encoding of a file of which few lines, far from its beginning, are not plain ASCII."""

from pathlib import Path

import pytest

from clarion.collect.sources.sample import sample_file

LINES = 60_000  # 2.4 MB
ODD = 50_001  # in the third megabyte, beyond what is sampled of it


def written(folder: Path, odd: bytes) -> Path:
    lines = [b"order,sku,description"]
    lines += [b"%06d,S%06d,WHITE HANGING HEART HOLDER" % (n, n) for n in range(LINES)]
    lines[ODD] = lines[ODD].replace(b"HEART", odd)
    file = folder / "data.csv"
    file.write_bytes(b"\r\n".join([*lines, b""]))
    return file


@pytest.mark.parametrize(
    ("text", "encoding"), [("£40", "ISO-8859-1"), ("€40", "windows-1252"), ("手工皂", "GB18030")]
)
def test_one_late_line_shows_the_encoding(tmp_path: Path, text: str, encoding: str) -> None:
    sample = sample_file(str(written(tmp_path, text.encode(encoding))))
    assert sample.options["encoding"] == encoding
    (note,) = [note for note in sample.notes if note.startswith("encoding")]
    assert f"compare line {ODD + 1} " in note


def test_late_lines_of_utf_8_change_nothing(tmp_path: Path) -> None:
    assert "encoding" not in sample_file(str(written(tmp_path, "手工皂".encode()))).options
