"""One reader per source format; `clarion.collect.sources.formats` says which file is which."""

import importlib
import inspect
from collections.abc import Callable

from pyspark.sql import SparkSession

from clarion.collect.sources.formats import reader_modules
from clarion.collect.sources.mapping import Secrets, Source
from clarion.collect.sources.readers.protocol import Reader


def reader_of(spark: SparkSession, source: Source, secrets: Secrets) -> Reader:
    """The reader of a source's format.

    Args:
        spark: the session.
        source: what it reads.
        secrets: finds the secret behind a reference.
    """
    return reader_class(source.format)(spark, source, secrets)


def reader_class(format_: str) -> Callable[[SparkSession, Source, Secrets], Reader]:
    """The class of a format's file: the one that is defined there and called a Reader."""
    module = importlib.import_module(reader_modules()[format_])
    (name,) = (
        name
        for name, value in inspect.getmembers(module, inspect.isclass)
        if name.endswith("Reader") and value.__module__ == module.__name__
    )
    reader: Callable[[SparkSession, Source, Secrets], Reader] = getattr(module, name)
    return reader
