"""The encoding of a file: by few lines far from its beginning, and of text encoded twice."""

from pathlib import Path

import pytest

from clarion.collect.sources.inference.encodings import find_encoding
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


@pytest.mark.parametrize("text", ["Mütze;Größe", "帽子;尺寸", "“Mütze”", "crème brûlée"])
@pytest.mark.parametrize("codec", ["windows-1252", "latin-1"])
def test_text_that_was_encoded_twice_is_said(text: str, codec: str) -> None:
    try:
        twice = text.encode().decode(codec).encode()
    except UnicodeError:
        twice = text.encode().decode("latin-1").encode()  # as programs do that know no other way
    found = find_encoding(b"product;size\nM1;9\n" + twice + b"\n")
    assert found.name == "UTF-8"
    assert "encoded twice, as in line 3" in found.note
    assert find_encoding(b"product;size\nM1;9\n" + text.encode() + b"\n").note == ""


@pytest.mark.parametrize(
    "text", ["«MENÜ»", "5 °C ±1", "Škoda – ½ l", "Ñandú", "Übergröße, naïve", "Привет"]
)
def test_plain_utf_8_is_not_called_encoded_twice(text: str) -> None:
    assert find_encoding(f"Fußnote; 尺寸; {text}\n{text}; Ärger\n".encode()).note == ""
