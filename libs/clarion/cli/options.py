"""Flags that every command shares, and where commands write."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from clarion.config import Config
from clarion.kernel.days import parse_day, today
from clarion.lake import Lake
from clarion.runtime import encryption
from clarion.runtime.session import start

OUT = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Options:
    """Flags that every command shares."""

    lake: str
    environment: str
    conf_dir: Path | None
    overrides: tuple[str, ...]
    as_of: str | None
    seed: int | None
    quiet: bool

    def config(self) -> Config:
        """The configuration that the flags name."""
        seeds = () if self.seed is None else (f"seed={self.seed}",)
        return Config.load(
            environment=self.environment,
            conf_dir=self.conf_dir,
            overrides=(*self.overrides, *seeds),
        )

    def day(self, config: Config) -> date:
        """The as-of day; today in the shop's zone where none is given."""
        return parse_day(self.as_of) if self.as_of else today(str(config.get("shop.time_zone")))

    def say(self, text: str) -> None:
        """Print a line, unless the command is quiet."""
        if not self.quiet:
            OUT.print(f"  {text}", markup=False)

    def open(self, config: Config) -> Lake:
        """The lake, in the session of this process.

        Raises:
            SecretError: the encryption key is not the one of the lake.
        """
        lake = Lake(
            start(config),
            str(Path(self.lake).absolute()) if "://" not in self.lake else self.lake,
            catalog=config.get("lake.catalog"),
        )
        encryption.verify(lake, config)
        return lake


def common(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the shared flags to a command, which gets them as `options`."""

    @click.option("--lake", default="./lake", show_default=True, help="Folder or URL of the lake.")
    @click.option(
        "--env",
        "environment",
        default="local",
        show_default=True,
        help="local, cluster or databricks.",
    )
    @click.option(
        "--conf-dir",
        type=click.Path(path_type=Path),
        help="A shop's own configuration, laid over the packaged one.",
    )
    @click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="One setting; may be repeated.",
    )
    @click.option(
        "--as-of",
        metavar="DAY",
        help="First day that does not count; default: today in the shop's zone.",
    )
    @click.option("--seed", type=int, help="Seed of every random choice.")
    @click.option("--quiet", is_flag=True, help="Errors only.")
    @functools.wraps(function)
    def wrapper(
        lake: str,
        environment: str,
        conf_dir: Path | None,
        overrides: tuple[str, ...],
        as_of: str | None,
        seed: int | None,
        quiet: bool,
        **rest: Any,
    ) -> Any:
        return function(Options(lake, environment, conf_dir, overrides, as_of, seed, quiet), **rest)

    return wrapper
