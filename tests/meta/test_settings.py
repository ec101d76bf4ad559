"""Every setting is read by code, and every field of a settings class is, too."""

import ast
import dataclasses
import importlib
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CODE = sorted([*(ROOT / "libs" / "clarion").rglob("*.py"), *(ROOT / "jobs").rglob("*.py")])
# libs/clarion/jobs is a link to jobs/.
CODE = [path for path in CODE if path.parts[-4:-1] != ("clarion", "jobs")]


def _settings_classes() -> dict[str, type[Any]]:
    """Each class that is a section of the configuration, by the section's name."""
    classes: dict[str, type[Any]] = {}
    for path in CODE:
        if "@settings(" not in path.read_text(encoding="utf-8"):
            continue
        name = ".".join(path.relative_to(ROOT / "libs").with_suffix("").parts)
        for value in vars(importlib.import_module(name)).values():
            if (
                isinstance(value, type)
                and value.__module__ == name
                and hasattr(value, "__section__")
            ):
                classes[value.__section__] = value
    return classes


CLASSES = _settings_classes()
FIELDS = [
    (section, field.name) for section, cls in CLASSES.items() for field in dataclasses.fields(cls)
]


def _keys(path: Path) -> set[str]:
    """The dotted names of the settings that a file of the configuration states."""
    keys = set()
    for section, body in yaml.safe_load(path.read_text(encoding="utf-8")).items():
        keys |= {f"{section}.{key}" for key in body} if isinstance(body, dict) else {section}
    return keys


def _literals() -> set[str]:
    """Names that code reads one by one: `config.get("seed")`, or a dotted name as a string."""
    names: set[str] = set()
    for path in CODE:
        text = path.read_text(encoding="utf-8")
        names |= set(re.findall(r'\.get\(\s*"([a-z_.]+)"', text))
        names |= set(re.findall(r'"([a-z_]+\.[a-z_]+)"', text))
    return names


def _attributes_read(tree: ast.AST) -> set[str]:
    """Names after a dot that are read, and names given to getattr, braces standing for any word."""
    names = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
            names.add(re.sub(r"\{[^}]*\}", "*", ast.unparse(node.args[1]).strip("f'\"")))
    return names


@cache
def _words_and_names(path: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Every word of a file, and the names that it reads after a dot."""
    text = path.read_text(encoding="utf-8")
    return frozenset(re.findall(r"\w+", text)), frozenset(_attributes_read(ast.parse(text)))


def _is_read(field: str, names: frozenset[str]) -> bool:
    return any(
        re.fullmatch(name.replace("*", r"\w+"), field)
        for name in names
        if name == field or "*" in name
    )


def test_every_section_is_found() -> None:
    assert len(CLASSES) > 10


def test_every_setting_has_a_field_or_is_read_by_its_name() -> None:
    known = {f"{section}.{name}" for section, name in FIELDS} | _literals()
    assert _keys(ROOT / "conf" / "base.yml") - known == set()


@pytest.mark.parametrize(("section", "field"), FIELDS, ids=lambda part: part)
def test_every_field_of_a_settings_class_is_read(section: str, field: str) -> None:
    """By code of a file that names the class; the class's own methods count."""
    cls = CLASSES[section].__name__
    for path in CODE:
        words, names = _words_and_names(path)
        if cls in words and _is_read(field, names):
            return
    pytest.fail(f"no code reads {section}.{field}")
