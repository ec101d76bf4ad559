"""The glossary is the vocabulary: words that it has retired name nothing in the code."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
CODE = tuple(ROOT / folder for folder in ("libs", "jobs", "tests"))


@dataclass(frozen=True, slots=True)
class RetiredWord:
    """A word that the glossary refuses as a name, or as a part of one."""

    word: str
    as_part: bool

    def names(self, name: str) -> bool:
        """Whether a name is this word, or has it as a part."""
        if not self.as_part:
            return name == self.word
        return f"_{snake_case(self.word)}_" in f"_{snake_case(name).strip('_')}_"


@cache
def snake_case(name: str) -> str:
    """`SourceChunk` and `SOURCE_CHUNK` as `source_chunk`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def retired_words(text: str) -> tuple[RetiredWord, ...]:
    """The words in code type in the last column of the glossary's tables."""
    rows = [line.strip().strip("|").split("|") for line in text.splitlines() if line[:1] == "|"]
    words = [word for row in rows if len(row) == 3 for word in re.findall(r"`([^`]+)`", row[2])]
    return tuple(RetiredWord(word.strip("*"), word.startswith("*")) for word in words)


RETIRED = retired_words(GLOSSARY.read_text(encoding="utf-8"))


def names_of(tree: ast.AST) -> Iterator[str]:
    """Names that a module gives: functions, classes, arguments, variables, columns."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.ClassDef() | ast.AsyncFunctionDef():
                yield node.name
            case ast.arg():
                yield node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.alias(asname=str()):
                yield str(node.asname)
            case ast.Call(func=ast.Name(id="Column" | "Check" | "_optional"), args=[first, *_]):
                if isinstance(first, ast.Constant):
                    yield str(first.value)
            case ast.Call(func=ast.Attribute(attr="alias" | "withColumn"), args=[first, *_]):
                if isinstance(first, ast.Constant):
                    yield str(first.value)


def keys_of(value: Any) -> Iterator[str]:
    """Every key of a YAML document."""
    match value:
        case dict():
            for key, inner in value.items():
                yield str(key)
                yield from keys_of(inner)
        case list():
            for inner in value:
                yield from keys_of(inner)


def names_by_file() -> dict[str, set[str]]:
    """The names that each file of the code and of the configuration gives."""
    modules = {path for folder in CODE for path in folder.rglob("*.py") if not path.is_symlink()}
    names = {path: set(names_of(ast.parse(path.read_text("utf-8")))) for path in modules}
    for path in modules:
        names[path] |= {path.stem, path.parent.name}
    for path in (ROOT / "conf").rglob("*.yml"):
        names[path] = {*keys_of(yaml.safe_load(path.read_text("utf-8"))), path.stem}
    return {path.relative_to(ROOT).as_posix(): names[path] for path in sorted(names)}


NAMES = names_by_file()
# A retired word that is right in one place, with the reason.
EXCEPTIONS = {
    ("libs/clarion/kernel/errors.py", "found"): "an error has the line `found:`",
    ("libs/clarion/onboarding/doctor.py", "found"): "so has a finding of the doctor",
}


@pytest.mark.parametrize("word", RETIRED, ids=lambda word: word.word)
def test_a_retired_word_names_nothing(word: RetiredWord) -> None:
    places = {
        path: sorted(used)
        for path, names in NAMES.items()
        if (used := {name for name in names if word.names(name) and (path, name) not in EXCEPTIONS})
    }
    assert places == {}, "docs/glossary.md says what to write instead"


def test_a_word_is_retired_as_a_whole_name_or_as_a_part() -> None:
    whole, part = RetiredWord("soft", as_part=False), RetiredWord("noise", as_part=True)
    assert whole.names("soft")
    assert not whole.names("software")
    assert not whole.names("soft_delete")
    assert part.names("silver_noise_rows")
    assert part.names("NoiseSettings")
    assert not part.names("noiseless")


def test_the_glossary_has_words_and_no_word_twice() -> None:
    rows = re.findall(r"^\| ([^|]+?) \|", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    words = [row for row in rows if row not in ("word", "write") and set(row) != {"-"}]
    assert len(words) > 80
    assert sorted(word for word in words if words.count(word) > 1) == []
