"""Formats of sources: each is one file of `readers/`, which its name declares.

`csv_files.py` is the format csv, read file by file; `jdbc_table.py` and `kafka_topic.py` are read
by ranges. A file that is added is a format from then on; nothing else names them.
"""

import importlib.util
import pkgutil

_READERS = "clarion.collect.sources.readers"
_OF_FILES = "files"
_SUFFIXES = (_OF_FILES, "table", "topic")


def reader_modules() -> dict[str, str]:
    """The module of the reader of each format."""
    package = importlib.util.find_spec(_READERS)
    assert package is not None, "the package is a part of this one"
    names = (module.name for module in pkgutil.iter_modules(package.submodule_search_locations))
    parts = (name.rpartition("_") for name in names)
    return {name: f"{_READERS}.{name}_{end}" for name, _, end in parts if name and end in _SUFFIXES}


def is_of_files(format_: str) -> bool:
    """Whether a format is read file by file.

    Example:
        >>> is_of_files("csv"), is_of_files("kafka")
        (True, False)
    """
    return reader_modules().get(format_, "").endswith(f"_{_OF_FILES}")
