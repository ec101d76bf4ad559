"""Commands of those who answer for the data: a shop's mappings, its quarantine, its mistakes, its people."""

from collections.abc import Mapping
from pathlib import Path

import click
from rich.table import Table as RichTable

from clarion.cli.options import OUT, Options, common
from clarion.config import Config
from clarion.kernel.days import zone
from clarion.kernel.errors import UsageError
from clarion.lake import Lake
from clarion.runtime import pipeline
from clarion.runtime.job import Job, Params
from clarion.runtime.session import start
from clarion.runtime.tracking import Tracking


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", default="my shop", show_default=True, help="What the shop is called.")
@click.option(
    "--time-zone",
    default="UTC",
    show_default=True,
    help="Where its days begin, such as Asia/Shanghai.",
)
@click.option("--currency", default="EUR", show_default=True, help="ISO 4217 code of its money.")
def init(folder: Path, name: str, time_zone: str, currency: str) -> None:
    """Write a new shop's configuration into FOLDER."""
    from clarion.onboarding.new_shop import start_shop

    for file in start_shop(folder, name=name, time_zone=zone(time_zone).key, currency=currency):
        OUT.print(f"written: {file}", markup=False)
    OUT.print(
        f"next: clarion source infer FILE --conf-dir {folder} --out {folder}/sources/NAME.yml",
        markup=False,
    )


@click.group("source")
def source_group() -> None:
    """Mappings: a first proposal, and a trial."""


@source_group.command("infer")
@click.argument("file")
@click.option("--kind", help="Source kind; by default the columns' names decide.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File to write the mapping to; by default it is printed.",
)
@common
def source_infer(options: Options, file: str, kind: str | None, out: Path | None) -> None:
    """Propose a mapping from a sample of FILE, for a person to correct."""
    from clarion.onboarding.new_shop import infer_mapping

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
@click.option(
    "--rows",
    type=int,
    default=200,
    show_default=True,
    help="Records that are tried, of the first file of each source.",
)
@click.option(
    "--show",
    type=int,
    default=5,
    show_default=True,
    help="Accepted and refused records that are shown, of each.",
)
@common
def source_check(options: Options, mapping: str, rows: int, show: int) -> None:
    """Try a MAPPING on the first records: accepted rows and refusals side by side; nothing is written."""
    from clarion.cli.views import trial
    from clarion.onboarding.trial import try_mapping

    config = options.config()
    for tried in try_mapping(start(config), config, mapping, limit=rows):
        OUT.print(trial(tried, show=show))


@click.group("quarantine")
def quarantine_group() -> None:
    """Records that were not accepted: why, which, and once more."""


@quarantine_group.command("list")
@common
def quarantine_list(options: Options) -> None:
    """How many records stand in quarantine, by source and reason; and how many facts are invalid activity."""
    from clarion.cli.views import invalid_activity, quarantined
    from clarion.governance.quarantine import invalid_activity_by_detector, reasons

    lake = options.open(options.config())
    OUT.print(quarantined(reasons(lake)))
    if apart := invalid_activity_by_detector(lake):
        OUT.print(invalid_activity(apart))


@quarantine_group.command("sample")
@click.option("--source", "name", help="Only of this source.")
@click.option("--rule", help="Only with this reason.")
@click.option("--limit", type=int, default=10, show_default=True)
@common
def quarantine_sample(options: Options, name: str | None, rule: str | None, limit: int) -> None:
    """Records in quarantine, each value by its shape."""
    from clarion.cli.views import sampled
    from clarion.governance.quarantine import samples

    OUT.print(sampled(samples(options.open(options.config()), source=name, rule=rule, limit=limit)))


@quarantine_group.command("replay")
@common
@click.pass_obj
def quarantine_replay(jobs: Mapping[str, Job], options: Options) -> None:
    """Clean quarantined records once more, after a mapping or a rule was mended; what is accepted leaves the quarantine."""
    from clarion.governance.quarantine import reasons

    config = options.config()
    lake = options.open(config)
    before = sum(row["records"] for row in reasons(lake) if row["rule"] == "")
    _run_quietly(jobs, options, config, lake, "clean")
    after = sum(row["records"] for row in reasons(lake) if row["rule"] == "")
    OUT.print(f"in quarantine: {before:,} before, {after:,} now", markup=False)


@click.command("undo")
@click.argument("run_id", metavar="RUN")
@common
@click.pass_obj
def undo_run(jobs: Mapping[str, Job], options: Options, run_id: str) -> None:
    """Take back what RUN (of ops.runs; its first letters are enough) wrote; what an ingest let in leaves bronze and silver."""
    from clarion.governance.undo import undo

    config = options.config()
    lake = options.open(config)
    undone = undo(lake, config, run_id, say=options.say)
    OUT.print(
        f"{undone.job} of {undone.as_of} is undone: {', '.join(undone.tables) or 'it had written nothing'}",
        markup=False,
    )
    if undone.job == "ingest":
        _run_quietly(jobs, options, config, lake, "clean")
        OUT.print(
            "silver is clean of it; the tables that rest on silver follow with the next 'clarion run all'",
            markup=False,
        )


def _run_quietly(
    jobs: Mapping[str, Job], options: Options, config: Config, lake: Lake, name: str
) -> None:
    """One job, of which only what it has to say is told."""
    from clarion.runtime.runlog import run_jobs

    tracking, chosen = (
        Tracking.beside(lake.root, config.get("tracking.uri")),
        pipeline.select(jobs, name),
    )
    day = Params(options.day(config))
    run_jobs(
        chosen,
        day,
        lake=lake,
        config=config,
        tracking=tracking,
        at_once=1,
        say=lambda _, text: options.say(text),
        done=lambda _: None,
    )


@click.command("grants")
@click.option("--apply", "applying", is_flag=True, help="State them to the catalog.")
@common
def show_grants(options: Options, applying: bool) -> None:
    """Who may read and write what, and the statements that say so to a catalog."""
    from clarion.governance.grants import roles, statements

    config = options.config()
    found, catalog = roles(config), config.get("lake.catalog")
    shown = RichTable("role", "may read", "may write")
    for name, role in found.items():
        shown.add_row(name, ", ".join(role.read), ", ".join(role.write))
    OUT.print(shown)
    if applying and not catalog:
        raise UsageError(
            "a lake in a folder knows no roles",
            found="lake.catalog: null",
            fix="set lake.catalog, or keep people apart by the rights of folders",
        )
    for statement in statements(found, catalog=catalog or "CATALOG"):
        if applying:
            start(config).sql(statement)
        OUT.print(statement, markup=False)


@click.command("erase")
@click.argument("customer")
@common
@click.pass_obj
def erase_person(jobs: Mapping[str, Job], options: Options, customer: str) -> None:
    """Erase CUSTOMER (a surrogate or the shop's own name) from every layer and its history, keep them out, and leave a certificate."""
    from clarion.governance.erasure import erase

    config = options.config()
    done = erase(options.open(config), config, customer, jobs=jobs, say=options.say)
    rows = ", ".join(f"{name} {count:,}" for name, count in sorted(done.rows.items()))
    OUT.print(f"erased: {done.accounts} accounts; {rows or 'no rows'}", markup=False)
    OUT.print(
        f"{done.suppressed_tokens} names and values are kept out from now on; certificate {done.erasure_id} stands in ops.erasures",
        markup=False,
    )


COMMANDS = (init, source_group, quarantine_group, undo_run, show_grants, erase_person)
