"""Flags that commands share, and the console they print to."""

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
from clarion.kernel.errors import LakeError
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
        """The settings of the environment, the shop's folder and the flags."""
        seeds = () if self.seed is None else (f"seed={self.seed}",)
        return Config.load(
            environment=self.environment,
            conf_dir=self.conf_dir,
            overrides=(*self.overrides, *seeds),
        )

    def day(self, config: Config) -> date:
        """The as-of day; today in the shop's zone by default."""
        return parse_day(self.as_of) if self.as_of else today(str(config.get("shop.time_zone")))

    def say(self, text: str) -> None:
        """Print a line, unless --quiet."""
        if not self.quiet:
            OUT.print(f"  {text}", markup=False)

    def open(self, config: Config) -> Lake:
        """The lake, in the session of this process.

        Raises:
            SecretError: the encryption key is not the one of the lake.
        """
        root = self.lake if "://" in self.lake else str(Path(self.lake).absolute())
        lake = Lake(start(config), root, catalog=config.get("lake.catalog"))
        encryption.verify(lake, config)
        return lake

    def open_existing(self, config: Config) -> Lake:
        """The lake of a command that only reads.

        Raises:
            LakeError: its folder does not exist.
        """
        self.require_lake(config)
        return self.open(config)

    def require_lake(self, config: Config) -> None:
        """Stop before Spark starts where the lake's folder does not exist.

        A lake at a URL, or in a catalog, is not checked.

        Raises:
            LakeError: it does not.
        """
        is_folder = "://" not in self.lake and config.get("lake.catalog") is None
        if is_folder and not Path(self.lake).is_dir():
            raise LakeError(
                f"there is no lake in {self.lake}",
                found="no such folder",
                fix="name the folder with --lake, or fill it: clarion run all",
            )


def common(function: Callable[..., Any]) -> Callable[..., Any]:
    """A command with the shared flags, which it gets as `options`."""

    @click.option("--lake", default="./lake", show_default=True, help="Folder or URL of the lake.")
    @click.option(
        "--env",
        "environment",
        default="local",
        show_default=True,
        help="local, small (one machine, up to some 100,000 records), cluster or databricks.",
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
