"""The decorator that makes a dataclass a section of the configuration."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict, with_config

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def settings(section: str) -> Callable[[type[T]], type[T]]:
    """Makes a class a frozen dataclass of a section's settings; unknown keys are refused.

    The fields have no defaults: conf/base.yml states every value once, with its reason.
    """

    def decorate(cls: type[T]) -> type[T]:
        made: Any = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        made.__section__ = section
        made.__annotations__.pop("__section__", None)
        strict: type[T] = with_config(ConfigDict(extra="forbid"))(made)
        return strict

    return decorate
