"""Commands of those who are responsible for the data: mappings, quarantine, undo, erasure."""

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

TRIED_RECORDS = 1000


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
@click.option(
    "--order-value",
    type=click.FloatRange(min=0, min_open=True),
    help="What an order is usually worth: benefits become face values in that scale.",
)
@click.option(
    "--from",
    "lake",
    help="A lake whose orders say it; budget and targets follow from them, too.",
)
def init(
    folder: Path,
    name: str,
    time_zone: str,
    currency: str,
    order_value: float | None,
    lake: str | None,
) -> None:
    """Write a new shop's configuration into FOLDER."""
    from clarion.onboarding.new_shop import start_shop

    if lake is not None and order_value is not None:
        raise UsageError(
            "--from and --order-value say the same", found="both", fix="leave one of them out"
        )
    scale = _scale_of(lake, order_value)
    key = zone(time_zone).key
    for file in start_shop(folder, name=name, time_zone=key, currency=currency, scale=scale):
        OUT.print(f"written: {file}", markup=False)
    for setting, value in scale.items():
        OUT.print(f"{setting}: {value:.15g}", markup=False)
    if not scale:
        OUT.print(
            "note: benefits and budget are meant for orders of 40; say what an order is worth with "
            "--order-value, or later with --from LAKE",
            markup=False,
        )
    OUT.print(
        f"next: clarion source infer FILE --kind KIND --conf-dir {folder} "
        f"--out {folder}/sources/NAME.yml",
        markup=False,
    )


def _scale_of(lake: str | None, order_value: float | None) -> dict[str, float]:
    """Order value, budget and targets, by setting; as far as a lake or the user says them."""
    if lake is not None:
        from clarion.campaigns.decisions.scale import settings_of
        from clarion.onboarding.baseline import read_baseline

        options = Options(lake, "local", None, (), None, None, True)
        return settings_of(read_baseline(options.open_existing(options.config())))
    return {} if order_value is None else {"shop.order_value": order_value}


@click.group("source")
def source_group() -> None:
    """Mappings: propose one, take a ready one, and try one."""


@source_group.command("infer")
@click.argument("file")
@click.option("--kind", help="Source kind; by default the columns' names and values decide.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File to write the mapping to; by default it is printed.",
)
@click.option(
    "--try/--no-try",
    "is_tried",
    default=True,
    help="Whether to try the mapping on the first records, which starts Spark.",
)
@common
def source_infer(
    options: Options, file: str, kind: str | None, out: Path | None, is_tried: bool
) -> None:
    """Propose a mapping from a sample of FILE, for a person to correct, and try it."""
    from clarion.onboarding.new_shop import infer_mapping
    from clarion.onboarding.trial import try_proposal

    if out is not None and out.exists():
        raise UsageError(f"{out} exists", fix="name another file, or remove it")
    config = options.config()
    proposal = infer_mapping(config, file, kind=kind)
    if is_tried:
        proposal.trial = try_proposal(start(config), config, proposal, file, limit=TRIED_RECORDS)
    if out is None:
        OUT.print(proposal.text(), markup=False, end="")
        return
    out.write_text(proposal.text(), encoding="utf-8")
    notes = len(proposal.notes)
    if proposal.trial:
        OUT.print(f"tried: {proposal.trial}", markup=False)
    OUT.print(f"written: {out}; {notes} notes to check are at its top", markup=False)


@source_group.command("use")
@click.argument("name", required=False)
@common
def source_use(options: Options, name: str | None) -> None:
    """Copy the ready mapping NAME of a known export into --conf-dir; without NAME list them."""
    from clarion.onboarding.ready_mappings import READY_MAPPINGS, use_ready_mapping

    if name is None:
        for ready, title in READY_MAPPINGS.items():
            OUT.print(f"{ready:20} {title}", markup=False)
        return
    folder = options.conf_dir
    if folder is None:
        raise UsageError("no folder to copy it to", fix="name the shop's with --conf-dir DIR")
    OUT.print(f"written: {use_ready_mapping(options.config(), name, Path(folder))}", markup=False)
    OUT.print(
        "read the lines 'check' in it, then: "
        f"clarion source check {name} --conf-dir {folder} --set data=DIR",
        markup=False,
    )


@source_group.command("check")
@click.argument("mapping")
@click.option(
    "--rows",
    type=int,
    default=200,
    show_default=True,
    help="Records to try, of the first file of each source.",
)
@click.option(
    "--show",
    type=int,
    default=5,
    show_default=True,
    help="Accepted and rejected records to show, of each.",
)
@common
def source_check(options: Options, mapping: str, rows: int, show: int) -> None:
    """Try a MAPPING on the first records and show what is accepted; nothing is written."""
    from clarion.cli.views import trial_view
    from clarion.onboarding.trial import missing_key, try_mapping

    config = options.config()
    trials = try_mapping(start(config), config, mapping, limit=rows)
    for trial in trials:
        OUT.print(trial_view(trial, show=show))
    if refusal := missing_key(config, trials):
        OUT.print(refusal, markup=False)


@click.group("quarantine")
def quarantine_group() -> None:
    """Records that were not accepted: count them, look at them, clean them again."""


@quarantine_group.command("list")
@common
def quarantine_list(options: Options) -> None:
    """Count records in quarantine by source and reason, and facts that are invalid activity."""
    from clarion.cli.views import invalid_activity_table, quarantine_table
    from clarion.governance.quarantine import invalid_activity_by_detector, reasons

    lake = options.open_existing(options.config())
    OUT.print(quarantine_table(reasons(lake)))
    if invalid_activity := invalid_activity_by_detector(lake):
        OUT.print(invalid_activity_table(invalid_activity))


@quarantine_group.command("sample")
@click.option("--source", "name", help="Only of this source.")
@click.option("--rule", help="Only with this reason.")
@click.option("--limit", type=int, default=10, show_default=True)
@common
def quarantine_sample(options: Options, name: str | None, rule: str | None, limit: int) -> None:
    """Show records in quarantine, each value by its shape."""
    from clarion.cli.views import quarantined_records_table
    from clarion.governance.quarantine import samples

    lake = options.open_existing(options.config())
    OUT.print(quarantined_records_table(samples(lake, source=name, rule=rule, limit=limit)))


@quarantine_group.command("replay")
@common
@click.pass_obj
def quarantine_replay(jobs: Mapping[str, Job], options: Options) -> None:
    """Clean quarantined records again, after a mapping or a rule was corrected.

    Records that are accepted leave the quarantine.
    """
    from clarion.governance.quarantine import reasons

    config = options.config()
    lake = options.open_existing(config)
    before = sum(row["records"] for row in reasons(lake) if row["rule"] == "")
    _run_job(jobs, options, config, lake, "clean")
    after = sum(row["records"] for row in reasons(lake) if row["rule"] == "")
    OUT.print(f"in quarantine: {before:,} before, {after:,} now", markup=False)


@click.command("runs")
@click.option("--job", help="Only of this job.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@common
def list_runs(options: Options, job: str | None, limit: int) -> None:
    """List the last runs: what each wrote, how long it took, and what it cost Spark."""
    from clarion.cli.views import runs_table
    from clarion.governance.runs import last_runs

    lake = options.open_existing(options.config())
    OUT.print(runs_table(last_runs(lake, job=job, limit=limit)))


@click.command("undo")
@click.argument("run_id", metavar="RUN")
@common
@click.pass_obj
def undo_run(jobs: Mapping[str, Job], options: Options, run_id: str) -> None:
    """Restore the tables to before RUN (of ops.runs; its first letters are enough).

    Records of an ingest are removed from bronze and silver.
    """
    from clarion.governance.undo import undo

    config = options.config()
    lake = options.open_existing(config)
    undone = undo(lake, config, run_id, say=options.say)
    tables = ", ".join(undone.tables) or "it had written nothing"
    OUT.print(f"{undone.job} of {undone.as_of} is undone: {tables}", markup=False)
    if undone.job == "ingest":
        _run_job(jobs, options, config, lake, "clean")
        OUT.print(
            "silver no longer holds it; the next 'clarion run all' updates the other tables",
            markup=False,
        )


def _run_job(
    jobs: Mapping[str, Job], options: Options, config: Config, lake: Lake, name: str
) -> None:
    """Run one job; print its notes only."""
    from clarion.runtime.runlog import run_jobs

    run_jobs(
        pipeline.select(jobs, name),
        Params(options.day(config)),
        lake=lake,
        config=config,
        tracking=Tracking.beside(lake.root, config.get("tracking.uri")),
        at_once=1,
        say=lambda _, text: options.say(text),
        done=lambda _: None,
    )


@click.command("grants")
@click.option("--apply", "is_applied", is_flag=True, help="Run the statements in the catalog.")
@common
def show_grants(options: Options, is_applied: bool) -> None:
    """Show who may read and write what, and the statements that grant it in a catalog."""
    from clarion.governance.grants import roles, statements

    config = options.config()
    declared_roles = roles(config)
    catalog = config.get("lake.catalog")
    table = RichTable("role", "may read", "may write")
    for name, role in declared_roles.items():
        table.add_row(name, ", ".join(role.read), ", ".join(role.write))
    OUT.print(table)
    if is_applied and not catalog:
        raise UsageError(
            "a lake in a folder has no roles",
            found="lake.catalog: null",
            fix="set lake.catalog, or restrict access by the rights of folders",
        )
    for statement in statements(declared_roles, catalog=catalog or "CATALOG"):
        if is_applied:
            start(config).sql(statement)
        OUT.print(statement, markup=False)


@click.command("erase")
@click.argument("customer")
@common
@click.pass_obj
def erase_person(jobs: Mapping[str, Job], options: Options, customer: str) -> None:
    """Erase CUSTOMER (a surrogate or the shop's own name) from every layer and its history.

    The person is kept out from now on, and a certificate is recorded.
    """
    from clarion.governance.erasure import erase

    config = options.config()
    done = erase(options.open_existing(config), config, customer, jobs=jobs, say=options.say)
    rows = ", ".join(f"{name} {count:,}" for name, count in sorted(done.rows.items()))
    OUT.print(f"erased: {done.accounts} accounts; {rows or 'no rows'}", markup=False)
    OUT.print(
        f"{done.suppressed_tokens} names and values are kept out from now on; "
        f"certificate {done.erasure_id} is in ops.erasures",
        markup=False,
    )


COMMANDS = (init, source_group, quarantine_group, list_runs, undo_run, show_grants, erase_person)
