"""The command that follows the shop while it is open."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event, Thread

import click
from rich.live import Live

from clarion.cli.options import OUT, Options, common
from clarion.cli.watch import shop_screen
from clarion.config import Config
from clarion.kernel.errors import LakeError, UsageError
from clarion.lake.location import Location
from clarion.lake.locks import is_locked
from clarion.runtime import stopping
from clarion.runtime.job import Job, Params
from clarion.runtime.tracking import Tracking
from clarion.serving.shop_now import ShopView

_OTHER_SECONDS = 5.0  # how long it waits for another run that started at the same time
_REDRAW_SECONDS = 2.0


@click.command()
@click.option("--once", is_flag=True, help="Read what is available, and end.")
@click.option("--watch", is_flag=True, help="Draw the shop in the terminal.")
@click.option(
    "--every",
    type=click.FloatRange(min=0.1),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="Time between two batches.",
)
@common
@click.pass_obj
def monitor(
    jobs: Mapping[str, Job],
    options: Options,
    once: bool,
    watch: bool,
    every: float,
) -> None:
    """Follow the live sources until Ctrl-C or SIGTERM.

    What a batch has begun is ended first. At midnight the run ends and the next one begins, so
    that each day has its row in ops.runs. A second monitor of one lake is refused; with --watch it
    draws what the first one writes, without Java.
    """
    if once and watch:
        raise UsageError(
            "--once ends as soon as everything is read",
            found="--watch",
            fix="leave one of them out",
        )
    if options.as_of and not once:
        raise UsageError(
            "a stream that runs on belongs to today",
            found=f"--as-of {options.as_of}",
            fix="leave it out, or read what is available: --once",
        )
    config = options.config()
    is_running = is_locked(Location(options.lake, config.get("lake.catalog")), "monitor")
    if is_running and not watch:
        raise LakeError(  # before Java starts
            "another monitor is running",
            found=options.lake,
            fix="draw what it writes: clarion monitor --watch; or stop it first",
        )
    with stopping.on_signals():
        if is_running:
            _draw_until_stopped(options)
        elif watch:
            with _drawing(options):
                _run(jobs["monitor"], replace(options, quiet=True), _running_on(config, every))
        else:
            _run(jobs["monitor"], options, config if once else _running_on(config, every))


def _running_on(config: Config, every: float) -> Config:
    return config.with_values(
        "monitor", monitor__interval_seconds=every, lake__wait_seconds=_OTHER_SECONDS
    )


def _run(job: Job, options: Options, config: Config) -> None:
    """Run the job; one that runs on is started again each day until somebody stops it."""
    from clarion.runtime.runlog import run_jobs

    lake = options.open(config)
    tracking = Tracking.beside(lake.root, config.get("tracking.uri"))
    runs_on = config.get("monitor.interval_seconds") is not None
    while True:
        run_jobs(
            (job,),
            Params(options.day(config)),
            lake=lake,
            config=config,
            tracking=tracking,
            at_once=1,
            say=lambda _, text: options.say(text),
            done=lambda report: options.say(f"monitor: {report.seconds:.0f} s"),
        )
        if not runs_on or stopping.is_requested():
            return


def _draw_until_stopped(options: Options) -> None:
    """Draw the shop again and again until the process is asked to stop."""
    _draw(options, stopping.wait)


@contextmanager
def _drawing(options: Options) -> Iterator[None]:
    """Draw the shop while the block runs."""
    ended = Event()
    thread = Thread(target=_draw, args=(options, ended.wait), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _draw(options: Options, wait: Callable[[float], bool]) -> None:
    view = ShopView(options.lake)
    with Live(console=OUT, auto_refresh=False) as screen:
        while True:
            screen.update(shop_screen(view.at(datetime.now(UTC))), refresh=True)
            if wait(_REDRAW_SECONDS):
                return


COMMANDS = (monitor,)
