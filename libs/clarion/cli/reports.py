"""Commands that show what the loop did: the demo, the report and the scorecard."""

from collections.abc import Mapping
from pathlib import Path

import click

from clarion.cli.options import OUT, Options, common
from clarion.runtime.job import Job


@click.command("demo")
@click.option(
    "--lake",
    default="./clarion-demo",
    show_default=True,
    help="Folder of the demo; each demo starts with an empty one.",
)
@click.option(
    "--data",
    type=click.Choice(["sim", "complete-journey"]),
    default="sim",
    show_default=True,
    help="A simulated shop, or a year of real baskets.",
)
@click.option(
    "--size",
    type=click.Choice(["small", "medium", "large"]),
    default="small",
    show_default=True,
    help="Size of the simulated shop.",
)
@click.option("--shop", default="beauty", show_default=True, help="Shop file of the configuration.")
@click.option(
    "--turns",
    type=click.IntRange(1, 6),
    default=2,
    show_default=True,
    help="Turns of the loop of the simulated shop, four weeks apart; real baskets have one.",
)
@click.option(
    "--proof",
    type=click.IntRange(1_000),
    metavar="CUSTOMERS",
    help="Try the measured plan on a shop in memory with so many customers, such as 200000.",
)
@click.option(
    "--conf-dir",
    type=click.Path(path_type=Path),
    help="A configuration laid over the packaged one; its shops/NAME.yml is what --shop names.",
)
@click.option("--seed", type=int, help="Seed of every random choice.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="One setting; may be repeated."
)
@click.option("--quiet", is_flag=True, help="Print the summary only.")
@click.pass_obj
def demo(
    jobs: Mapping[str, Job],
    lake: str,
    data: str,
    size: str,
    shop: str,
    turns: int,
    proof: int | None,
    conf_dir: Path | None,
    seed: int | None,
    overrides: tuple[str, ...],
    quiet: bool,
) -> None:
    """Run the whole loop from raw files to campaigns and back; print a summary, write a report."""
    from clarion.demo.demo import DemoPlan, run_demo
    from clarion.report.figures import read_figures
    from clarion.report.report import write_report
    from clarion.report.summary import summary

    if proof is not None and (data != "sim" or turns < 2):
        raise click.UsageError("--proof needs a simulated shop (--data sim) and two turns or more")
    plan = DemoPlan(Path(lake), data, size, shop, turns, proof)
    options = Options(lake, plan.environment, conf_dir, overrides, None, seed, quiet)

    def announce(text: str) -> None:
        if not quiet:
            OUT.print(text, style="bold", markup=False)

    done = run_demo(plan, jobs, options.config(), say=options.say, announce=announce)
    run = done.loop_run
    time_zone = str(done.config.get("shop.time_zone"))
    figures = read_figures(done.lake, days=run.days, time_zone=time_zone)
    report = write_report(run, figures, plan.folder / "report.html")
    OUT.print(summary(run, figures))
    OUT.print(f"{done.seconds:.0f} s. The report is {report.absolute()}", markup=False)


@click.command("report")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File to write; by default report.html beside the lake's folder.",
)
@common
def report(options: Options, out: Path | None) -> None:
    """Write an HTML report of what the lake holds, as of the last day up to --as-of."""
    from clarion.report.figures import read_figures
    from clarion.report.loop_run import read_loop_run
    from clarion.report.missing import missing_parts
    from clarion.report.report import refuse_other_file, write_report

    config = options.config()
    as_of = options.day(config)
    path = out or _beside(options.lake)
    options.require_lake(config)
    refuse_other_file(path)
    lake = options.open(config)
    run = read_loop_run(lake, config, as_of=as_of)
    time_zone = str(config.get("shop.time_zone"))
    figures = read_figures(lake, days=run.days, time_zone=time_zone)
    write_report(run, figures, path)
    if options.as_of is not None and run.days[-1] != as_of:
        options.say(f"nothing was computed for {as_of}; the report shows {run.days[-1]}")
    for part in missing_parts(figures):
        options.say(f"not in this lake yet: {part.title}. It needs {part.needs}: {part.command}")
    OUT.print(f"The report is {path.absolute()}", markup=False)


def _beside(lake: str) -> Path:
    """report.html beside the folder of a lake; in the current folder for a lake at a URL."""
    return Path("report.html") if "://" in lake else Path(lake).absolute().parent / "report.html"


@click.command("scorecard")
@click.option("--strict", is_flag=True, help="Exit code 3 where a target is missed.")
@common
def scorecard(options: Options, strict: bool) -> None:
    """Show the targets of the last run up to --as-of, and how old tags are on that day."""
    from clarion.cli.views import scorecard_view
    from clarion.explore.scorecard import read_scorecard, require_met

    config = options.config()
    day, scores = read_scorecard(options.open_existing(config), now=options.day(config))
    OUT.print(scorecard_view(day, scores))
    if strict:
        require_met(scores)


COMMANDS = (demo, report, scorecard)
