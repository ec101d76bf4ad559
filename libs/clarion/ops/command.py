"""The command line: the wheel's entry point, `python -m jobs`, spark-submit, Databricks and the tests all call it."""

import functools
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table as RichTable

from clarion import __version__
from clarion.config import Config
from clarion.contracts import TABLES
from clarion.kernel.days import parse_day, today, zone
from clarion.kernel.errors import ClarionError, EnvironmentError, UsageError
from clarion.lake import Lake
from clarion.ops import pipeline, shop
from clarion.ops.job import Job, Params
from clarion.ops.session import start
from clarion.ops.tracking import Tracking

OUT = Console(highlight=False, soft_wrap=True)
ERR = Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Options:
    """Flags that every command shares."""

    lake: str
    place: str
    conf_dir: Path | None
    overrides: tuple[str, ...]
    as_of: str | None
    seed: int | None
    quiet: bool

    def config(self) -> Config:
        seeds = () if self.seed is None else (f"seed={self.seed}",)
        return Config.load(place=self.place, conf_dir=self.conf_dir, overrides=(*self.overrides, *seeds))

    def day(self, config: Config) -> date:
        return parse_day(self.as_of) if self.as_of else today(str(config.get("shop.time_zone")))

    def say(self, text: str) -> None:
        if not self.quiet:
            OUT.print(f"  {text}", markup=False)

    def open(self, config: Config) -> Lake:
        return Lake(start(config), str(Path(self.lake).absolute()) if "://" not in self.lake else self.lake, catalog=config.get("lake.catalog"))


def common(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the shared flags to a command and hands them over as `options`."""

    @click.option("--lake", default="./lake", show_default=True, help="Folder or URL of the lake.")
    @click.option("--env", "place", default="local", show_default=True, help="local, cluster or databricks.")
    @click.option("--conf-dir", type=click.Path(path_type=Path), help="A shop's own configuration, laid over the packaged one.")
    @click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="One setting; may be repeated.")
    @click.option("--as-of", metavar="DAY", help="First day that does not count; default: today in the shop's zone.")
    @click.option("--seed", type=int, help="Seed of every random choice.")
    @click.option("--quiet", is_flag=True, help="Errors only.")
    @functools.wraps(function)
    def wrapper(lake: str, place: str, conf_dir: Path | None, overrides: tuple[str, ...], as_of: str | None, seed: int | None, quiet: bool, **rest: Any) -> Any:
        return function(Options(lake, place, conf_dir, overrides, as_of, seed, quiet), **rest)

    return wrapper


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="clarion")
def cli() -> None:
    """From a shop's raw data to campaign decisions that can be explained, measured and corrected."""


@cli.command()
@click.argument("job")
@click.option("--from", "first", metavar="JOB", help="With 'all': the first job.")
@click.option("--to", "last", metavar="JOB", help="With 'all': the last job.")
@click.option("--dry-run", is_flag=True, help="Check everything that can be checked without moving data, and print the order.")
@common
@click.pass_obj
def run(jobs: Mapping[str, Job], options: Options, job: str, first: str | None, last: str | None, dry_run: bool) -> None:
    """Run one JOB, or 'all': the pipeline in one Spark session."""
    from clarion.ops.runlog import RunReport, run_jobs

    config = options.config()
    params = Params(options.day(config))
    chosen = pipeline.select(jobs, job, first=first, last=last)
    check_settings(jobs, config)
    if dry_run:
        OUT.print(" -> ".join(item.name for item in chosen), markup=False)
        return
    lake = options.open(config)
    tracking = Tracking.beside(lake.root, config.get("tracking.uri"))

    def done(report: RunReport) -> None:
        rows = ", ".join(f"{name} {count:,}" for name, count in report.rows_written.items() if count)
        options.say(f"{report.job}: {report.seconds:.1f} s  {rows}")

    at_once = int(config.get("spark.jobs_at_once"))
    run_jobs(chosen, params, lake=lake, config=config, tracking=tracking, at_once=at_once, say=lambda _, text: options.say(text), done=done)


@cli.command()
@click.option("--lake", default="./clarion-demo", show_default=True, help="Folder of the demo; rebuilt from nothing each time.")
@click.option("--data", type=click.Choice(["sim", "complete-journey"]), default="sim", show_default=True, help="A simulated shop, or real baskets.")
@click.option("--size", type=click.Choice(["small", "medium", "large"]), default="small", show_default=True, help="Of the simulated shop.")
@click.option("--shop", default="beauty", show_default=True, help="Shop file of the configuration.")
@click.option("--seed", type=int, help="Seed of every random choice.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="One setting; may be repeated.")
@click.option("--quiet", is_flag=True, help="The summary only.")
@click.pass_obj
def demo(jobs: Mapping[str, Job], lake: str, data: str, size: str, shop: str, seed: int | None, overrides: tuple[str, ...], quiet: bool) -> None:
    """The whole loop from raw files to campaigns and back, then a summary and a report."""
    from clarion.ops import demo as demos
    from clarion.ops.figures import collect
    from clarion.ops.report import write
    from clarion.ops.summary import summary

    options = Options(lake, "local", None, overrides, None, seed, quiet)

    def announce(text: str) -> None:
        if not quiet:
            OUT.print(f"[bold]{text}[/bold]")

    done = demos.run(jobs, options.config(), Path(lake), data=data, size=size, shop=shop, say=options.say, announce=announce)
    figures = collect(done.lake, as_of=done.days[-1])
    report = write(done, figures)
    OUT.print(summary(done, figures))
    OUT.print(f"{done.seconds:.0f} s. The report lies at {report.absolute()}", markup=False)


@cli.command("jobs")
@click.pass_obj
def list_jobs(jobs: Mapping[str, Job]) -> None:
    """What jobs there are, and what each reads and writes."""
    table = RichTable("job", "what it does", "reads", "writes")
    for job in (*pipeline.order(jobs.values()), *(job for job in jobs.values() if job.part == "upkeep")):
        table.add_row(job.name, job.one_line, _layers(job.reads_now | job.reads_before), _layers({item.name for item in job.writes}))
    OUT.print(table)


def _layers(names: set[str] | frozenset[str]) -> str:
    """Table names, a whole layer as layer.*"""
    shown = []
    for layer in sorted({name.split(".")[0] for name in names}):
        own = sorted(name for name in names if name.startswith(f"{layer}."))
        whole = [name for name in TABLES if name.startswith(f"{layer}.")]
        shown.append(f"{layer}.*" if len(own) == len(whole) > 3 else " ".join(own))
    return " ".join(shown)


@cli.command()
@click.pass_obj
def plan(jobs: Mapping[str, Job]) -> None:
    """The order of the pipeline, with what each job waits for."""
    edges = pipeline.dependencies(jobs.values())
    for job in pipeline.order(jobs.values()):
        OUT.print(f"{job.name:<16} after {', '.join(edges[job.name]) or 'nothing'}", markup=False)


@cli.command("tables")
@click.argument("name", required=False)
def list_tables(name: str | None) -> None:
    """What tables there are, or the contract of one."""
    if name is None:
        listing = RichTable("table", "one row is", "key")
        for table in TABLES.values():
            listing.add_row(table.name, table.grain, ", ".join(table.key))
        OUT.print(listing)
        return
    OUT.print(contract(name))


def contract(name: str) -> RichTable:
    """The contract of a table, to be looked at."""
    if name not in TABLES:
        raise UsageError(f"there is no table '{name}'", fix="see 'clarion tables'")
    table = TABLES[name]
    shown = RichTable("column", "type", "null", "meaning", title=f"{table.name}: {table.grain}")
    for column in table.columns:
        unit = f" ({column.unit})" if column.unit else ""
        shown.add_row(column.name, column.type, "may be" if column.nullable else "", column.meaning + unit)
    for check in table.checks:
        shown.add_row("", "check", "", f"{check.name}: {check.expression}")
    return shown


@cli.command()
@click.argument("sql")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.option("--limit", type=int, default=1000, show_default=True, help="Most rows that are printed.")
@common
def query(options: Options, sql: str, form: str, limit: int) -> None:
    """Run one SELECT over layer.table names."""
    from clarion.ops.query import execute, printed

    config = options.config()
    frame = execute(options.open(config), sql)
    OUT.print(printed(frame, form=form, limit=limit), markup=False)


@cli.command()
@common
def doctor(options: Options) -> None:
    """What is wrong with this machine, and the line that mends it."""
    from clarion.ops.doctor import examine

    findings = examine(options.lake)
    for finding in findings:
        OUT.print(f"{'ok  ' if finding.good else 'bad '} {finding.what}: {finding.found}", markup=False)
    bad = [finding for finding in findings if not finding.good]
    if bad:
        raise EnvironmentError(
            f"{len(bad)} things are wrong", found="; ".join(f"{item.what}: {item.found}" for item in bad), fix="; ".join(item.fix or "" for item in bad)
        )


@cli.group("config")
def config_group() -> None:
    """Settings: each value and where it came from."""


@config_group.command("show")
@common
def config_show(options: Options) -> None:
    """Each setting, its value and its origin."""
    table = RichTable("setting", "value", "from")
    for key, value, origin in options.config().rows():
        table.add_row(key, str(value), origin)
    OUT.print(table)


@config_group.command("check")
@common
@click.pass_obj
def config_check(jobs: Mapping[str, Job], options: Options) -> None:
    """Validate every section and every mapping, before any data moves."""
    config = options.config()
    check_settings(jobs, config)
    found = shop.sources(config)
    OUT.print(f"{len(config.rows())} settings and {len(found)} sources are valid: {', '.join(source.name for source in found)}", markup=False)


@cli.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", default="my shop", show_default=True, help="What the shop is called.")
@click.option("--time-zone", default="UTC", show_default=True, help="Where its days begin, such as Asia/Shanghai.")
@click.option("--currency", default="EUR", show_default=True, help="ISO 4217 code of its money.")
def init(folder: Path, name: str, time_zone: str, currency: str) -> None:
    """Write a new shop's configuration into FOLDER."""
    from clarion.ops.onboarding import start_shop

    for file in start_shop(folder, name=name, time_zone=zone(time_zone).key, currency=currency):
        OUT.print(f"written: {file}", markup=False)
    OUT.print(f"next: clarion source infer FILE --conf-dir {folder} --out {folder}/sources/NAME.yml", markup=False)


@cli.group("source")
def source_group() -> None:
    """Mappings: a first proposal, and a trial."""


@source_group.command("infer")
@click.argument("file")
@click.option("--kind", help="Source kind; by default the columns' names decide.")
@click.option("--out", type=click.Path(path_type=Path), help="File to write the mapping to; by default it is printed.")
@common
def source_infer(options: Options, file: str, kind: str | None, out: Path | None) -> None:
    """Propose a mapping from a sample of FILE, for a person to correct."""
    from clarion.ops.onboarding import infer_mapping

    proposal = infer_mapping(options.config(), file, kind=kind)
    if out is None:
        OUT.print(proposal.text(), markup=False, end="")
        return
    if out.exists():
        raise UsageError(f"{out} exists", fix="name another file, or remove it")
    out.write_text(proposal.text(), encoding="utf-8")
    OUT.print(f"written: {out}; {len(proposal.notes)} things to look at stand on top", markup=False)


@source_group.command("check")
@click.argument("mapping")
@click.option("--rows", type=int, default=200, show_default=True, help="Records that are tried, of the first file of each source.")
@click.option("--show", type=int, default=5, show_default=True, help="Accepted and refused records that are shown, of each.")
@common
def source_check(options: Options, mapping: str, rows: int, show: int) -> None:
    """Try a MAPPING on the first records: accepted rows and refusals side by side; nothing is written."""
    from clarion.ops.onboarding import try_mapping
    from clarion.ops.views import trial

    config = options.config()
    for tried in try_mapping(start(config), config, mapping, limit=rows):
        OUT.print(trial(tried, show=show))


@cli.group("quarantine")
def quarantine_group() -> None:
    """Records that were not accepted: why, which, and once more."""


@quarantine_group.command("list")
@common
def quarantine_list(options: Options) -> None:
    """How many records stand in quarantine, by source and reason."""
    from clarion.ops.quarantine import reasons
    from clarion.ops.views import quarantined

    OUT.print(quarantined(reasons(options.open(options.config()))))


@quarantine_group.command("sample")
@click.option("--source", "name", help="Only of this source.")
@click.option("--rule", help="Only with this reason.")
@click.option("--limit", type=int, default=10, show_default=True)
@common
def quarantine_sample(options: Options, name: str | None, rule: str | None, limit: int) -> None:
    """Records in quarantine, each value by its shape."""
    from clarion.ops.quarantine import samples
    from clarion.ops.views import sampled

    OUT.print(sampled(samples(options.open(options.config()), source=name, rule=rule, limit=limit)))


@quarantine_group.command("replay")
@common
@click.pass_obj
def quarantine_replay(jobs: Mapping[str, Job], options: Options) -> None:
    """Clean quarantined records once more, after a mapping or a rule was mended; what is accepted leaves the quarantine."""
    from clarion.ops.quarantine import reasons

    config = options.config()
    lake = options.open(config)
    before = sum(row["records"] for row in reasons(lake) if row["rule"] == "")
    _run_quietly(jobs, options, config, lake, "clean")
    after = sum(row["records"] for row in reasons(lake) if row["rule"] == "")
    OUT.print(f"in quarantine: {before:,} before, {after:,} now", markup=False)


@cli.command("undo")
@click.argument("run_id", metavar="RUN")
@common
@click.pass_obj
def undo_run(jobs: Mapping[str, Job], options: Options, run_id: str) -> None:
    """Take back what RUN (of ops.runs; its first letters are enough) wrote; what an ingest let in leaves bronze and silver."""
    from clarion.ops.undo import undo

    config = options.config()
    lake = options.open(config)
    undone = undo(lake, run_id)
    OUT.print(f"{undone.job} of {undone.as_of} is undone: {', '.join(undone.tables) or 'it had written nothing'}", markup=False)
    if undone.job == "ingest":
        _run_quietly(jobs, options, config, lake, "clean")
        OUT.print("silver is clean of it; the tables that rest on silver follow with the next 'clarion run all'", markup=False)


def _run_quietly(jobs: Mapping[str, Job], options: Options, config: Config, lake: Lake, name: str) -> None:
    """One job, of which only what it has to say is told."""
    from clarion.ops.runlog import run_jobs

    tracking, chosen = Tracking.beside(lake.root, config.get("tracking.uri")), pipeline.select(jobs, name)
    day = Params(options.day(config))
    run_jobs(chosen, day, lake=lake, config=config, tracking=tracking, at_once=1, say=lambda _, text: options.say(text), done=lambda _: None)


@cli.command("grants")
@click.option("--apply", "applying", is_flag=True, help="State them to the catalog.")
@common
def show_grants(options: Options, applying: bool) -> None:
    """Who may read and write what, and the statements that say so to a catalog."""
    from clarion.ops.grants import roles, statements

    config = options.config()
    found, catalog = roles(config), config.get("lake.catalog")
    shown = RichTable("role", "may read", "may write")
    for name, role in found.items():
        shown.add_row(name, ", ".join(role.read), ", ".join(role.write))
    OUT.print(shown)
    if applying and not catalog:
        raise UsageError("a lake in a folder knows no roles", found="lake.catalog: null", fix="set lake.catalog, or keep people apart by the rights of folders")
    for statement in statements(found, catalog=catalog or "CATALOG"):
        if applying:
            start(config).sql(statement)
        OUT.print(statement, markup=False)


@cli.command("erase")
@click.argument("customer")
@common
def erase_person(options: Options, customer: str) -> None:
    """Erase CUSTOMER (a surrogate or the shop's own name) from every layer and its history, keep them out, and leave a certificate."""
    from clarion.ops.erasure import erase

    config = options.config()
    done = erase(options.open(config), config, customer, say=options.say)
    rows = ", ".join(f"{name} {count:,}" for name, count in sorted(done.rows.items()))
    OUT.print(f"erased: {done.accounts} accounts; {rows or 'no rows'}", markup=False)
    OUT.print(f"{done.suppressed} names and values are kept out from now on; certificate {done.erasure_id} stands in ops.erasures", markup=False)


def check_settings(jobs: Mapping[str, Job], config: Config) -> None:
    """Validate every section that a job declares."""
    for section in {section for job in jobs.values() for section in job.settings}:
        config.section(section)


def main(jobs: Mapping[str, Job], arguments: list[str]) -> int:
    """Run the command line.

    Returns:
        0 done; 2 the user can mend it; 3 a quality gate was missed; 1 a defect.
    """
    try:
        cli.main(args=arguments, prog_name="clarion", standalone_mode=False, obj=jobs)
    except ClarionError as error:
        ERR.print(str(error), markup=False)
        return error.exit_code
    except click.exceptions.Exit as stop:
        return int(stop.exit_code)
    except click.ClickException as error:
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "clarion"
        ERR.print(f"{error.format_message()}\n  fix:   see '{command} --help'", markup=False)
        return 2
    except (KeyboardInterrupt, click.Abort):
        ERR.print("stopped", markup=False)
        return 130
    except Exception:
        traceback.print_exc()
        return 1
    return 0
