"""The command line; the wheel, `python -m clarion.jobs`, spark-submit and the tests call it."""

import traceback
from collections.abc import Mapping

import click
from rich.console import Console
from rich.table import Table as RichTable

from clarion import __version__
from clarion.cli import audiences, governance, reports, simulation, streams
from clarion.cli.options import OUT, Options, common
from clarion.config import Config
from clarion.contracts import TABLES
from clarion.declarations import shop
from clarion.explore.query import execute_query, format_result, similar_tables
from clarion.governance import grants
from clarion.kernel.errors import ClarionError, SetupError, UsageError
from clarion.runtime import encryption, pipeline
from clarion.runtime.job import Job, Params
from clarion.runtime.tracking import Tracking

ERR = Console(stderr=True, highlight=False, soft_wrap=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="clarion")
def cli() -> None:
    """From a shop's raw data to campaign decisions: explained, measured and corrected."""


@cli.command()
@click.argument("job")
@click.option("--from", "first", metavar="JOB", help="With 'all': the first job.")
@click.option("--to", "last", metavar="JOB", help="With 'all': the last job.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Check settings and declarations as 'config check' does, and print the order.",
)
@common
@click.pass_obj
def run(
    jobs: Mapping[str, Job],
    options: Options,
    job: str,
    first: str | None,
    last: str | None,
    dry_run: bool,
) -> None:
    """Run one JOB, or 'all': the pipeline in one Spark session."""
    from clarion.runtime.runlog import RunReport, run_jobs

    if job != "all" and (first or last):
        raise UsageError(
            "--from and --to choose a part of the pipeline",
            found=f"one job, '{job}'",
            fix=f"clarion run all --from {first or job} --to {last or job}; or leave them out",
        )
    config = options.config()
    params = Params(options.day(config))
    chosen = pipeline.select(jobs, job, first=first, last=last)
    check_settings(jobs, config)
    if dry_run:
        check_declarations(config)
        OUT.print(" -> ".join(item.name for item in chosen), markup=False)
        return
    lake = options.open(config)
    tracking = Tracking.beside(lake.root, config.get("tracking.uri"))

    def done(report: RunReport) -> None:
        rows = ", ".join(
            f"{name} {count:,}" for name, count in report.rows_written.items() if count
        )
        options.say(f"{report.job}: {report.seconds:.1f} s  {rows}")

    at_once = int(config.get("spark.jobs_at_once"))
    run_jobs(
        chosen,
        params,
        lake=lake,
        config=config,
        tracking=tracking,
        at_once=at_once,
        say=lambda _, text: options.say(text),
        done=done,
    )


@cli.command("jobs")
@click.pass_obj
def list_jobs(jobs: Mapping[str, Job]) -> None:
    """List the jobs with what each reads and writes."""
    table = RichTable("job", "what it does", "reads", "writes")
    for job in (
        *pipeline.order(jobs.values()),
        *(job for job in jobs.values() if job.part == "upkeep"),
    ):
        table.add_row(
            job.name,
            job.one_line,
            _layers(job.readable_tables),
            _layers({item.name for item in job.writes}),
        )
    OUT.print(table)


def _layers(names: set[str] | frozenset[str]) -> str:
    """Table names; a whole layer is written as `layer.*`."""
    shown = []
    for layer in sorted({name.split(".")[0] for name in names}):
        own = sorted(name for name in names if name.startswith(f"{layer}."))
        whole = [name for name in TABLES if name.startswith(f"{layer}.")]
        shown.append(f"{layer}.*" if len(own) == len(whole) > 3 else " ".join(own))
    return " ".join(shown)


@cli.command()
@click.pass_obj
def plan(jobs: Mapping[str, Job]) -> None:
    """Print the order of the pipeline, with the jobs that each job waits for."""
    edges = pipeline.dependencies(jobs.values())
    for job in pipeline.order(jobs.values()):
        OUT.print(f"{job.name:<16} after {', '.join(edges[job.name]) or 'nothing'}", markup=False)


@cli.command("tables")
@click.argument("name", required=False)
def list_tables(name: str | None) -> None:
    """List the tables, or show the contract of one."""
    if name is None:
        listing = RichTable("table", "one row is", "key")
        for table in TABLES.values():
            listing.add_row(table.name, table.grain, ", ".join(table.key))
        OUT.print(listing)
        return
    OUT.print(contract_table(name))


def contract_table(name: str) -> RichTable:
    """The contract of a table: columns and checks.

    Raises:
        UsageError: there is no such table.
    """
    if name not in TABLES:
        similar = similar_tables(name)
        fix = f"did you mean '{similar[0]}'?" if similar else "see 'clarion tables'"
        raise UsageError(f"there is no table '{name}'", fix=fix)
    table = TABLES[name]
    shown = RichTable("column", "type", "null", "meaning", title=f"{table.name}: {table.grain}")
    for column in table.columns:
        unit = f" ({column.unit})" if column.unit else ""
        shown.add_row(
            column.name, column.type, "may be" if column.nullable else "", column.meaning + unit
        )
    for check in table.checks:
        shown.add_row("", "check", "", f"{check.name}: {check.expression}")
    return shown


@cli.command()
@click.argument("sql")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
)
@click.option(
    "--limit", type=int, default=1000, show_default=True, help="Most rows that are printed."
)
@common
def query(options: Options, sql: str, form: str, limit: int) -> None:
    """Run one SELECT over layer.table names."""
    result = execute_query(options.open_existing(options.config()), sql)
    OUT.print(format_result(result, form=form, limit=limit), markup=False)


@cli.command()
@common
def doctor(options: Options) -> None:
    """Check this machine, and print the line that fixes what is wrong."""
    from clarion.onboarding.doctor import check_machine

    findings = check_machine(options.lake)
    for finding in findings:
        OUT.print(
            f"{'ok  ' if finding.is_good else 'bad '} {finding.name}: {finding.state}", markup=False
        )
    bad = [finding for finding in findings if not finding.is_good]
    if bad:
        raise SetupError(
            f"{len(bad)} things are wrong",
            found="; ".join(f"{item.name}: {item.state}" for item in bad),
            fix="; ".join(item.fix or "" for item in bad),
        )


@cli.group("config")
def config_group() -> None:
    """Settings: each value and where it came from."""


@config_group.command("show")
@common
def config_show(options: Options) -> None:
    """List each setting with its value and origin."""
    table = RichTable("setting", "value", "from")
    for key, value, origin in options.config().rows():
        table.add_row(key, str(value), origin)
    OUT.print(table)


@config_group.command("check")
@common
@click.pass_obj
def config_check(jobs: Mapping[str, Job], options: Options) -> None:
    """Validate settings and what the shop declares, before any data moves.

    It reads every section of the settings, mappings, rules, detectors, features, tags, attributes,
    offers and grants. What needs Spark or data is not checked: names and types of columns in SQL
    (the job that uses them reports those), the files of a source ('clarion source check'), and
    secrets.
    """
    config = options.config()
    check_settings(jobs, config)
    names = [source.name for source in shop.sources(config)]
    counts = check_declarations(config)
    settings = len(config.rows())
    OUT.print(
        f"{settings} settings and {len(names)} sources are valid: {', '.join(names)}", markup=False
    )
    declared = ", ".join(f"{count} {name}" for name, count in counts.items())
    OUT.print(f"valid, SQL aside: {declared}", markup=False)


for _command in (
    *governance.COMMANDS,
    *audiences.COMMANDS,
    *reports.COMMANDS,
    *streams.COMMANDS,
    simulation.simulate,
):
    cli.add_command(_command)


def check_settings(jobs: Mapping[str, Job], config: Config) -> None:
    """Validate every section that a job declares."""
    for section in {section for job in jobs.values() for section in job.settings}:
        config.section(section)


def check_declarations(config: Config) -> dict[str, int]:
    """Read everything that a shop declares; its sources only if some are named.

    Returns:
        How many there are of each, sources left out.

    Raises:
        ConfigError: a file is not YAML, or an entry of it is invalid.
    """
    if config.get("shop.sources"):
        shop.sources(config)
    return {
        "rules": sum(len(rules) for rules in shop.rules(config).values()),
        "detectors": len(shop.detectors(config)),
        "stages with a condition": len(shop.life_cycle(config).stages),
        "features": len(shop.features(config)),
        "inputs of models": shop.check_inputs(config),
        "tags": len(shop.tags(config)),
        "attributes": len(shop.attributes(config)),
        "offers": len(shop.offers(config).offers),
        "roles": len(grants.roles(config)),
    }


def main(jobs: Mapping[str, Job], arguments: list[str]) -> int:
    """Run the command line.

    Returns:
        0 done; 2 the user can fix it; 3 a quality gate was missed; 1 a defect.
    """
    try:
        cli.main(args=arguments, prog_name="clarion", standalone_mode=False, obj=jobs)
    except ClarionError as error:
        ERR.print(str(error), markup=False)
        return error.exit_code
    except click.exceptions.Exit as stop:
        return int(stop.exit_code)
    except click.ClickException as error:
        command = (
            error.ctx.command_path
            if isinstance(error, click.UsageError) and error.ctx
            else "clarion"
        )
        fix = f"see '{command} --help'"
        if isinstance(error, click.NoSuchOption) and command == "clarion":
            fix = f"options follow the command, such as 'clarion run all {error.option_name} …'"
        ERR.print(f"{error.format_message()}\n  fix:   {fix}", markup=False)
        return 2
    except (KeyboardInterrupt, click.Abort):
        ERR.print("stopped", markup=False)
        return 130
    except Exception as error:
        if closed := encryption.decryption_error(error):
            ERR.print(str(closed), markup=False)
            return closed.exit_code
        traceback.print_exc()
        return 1
    return 0
