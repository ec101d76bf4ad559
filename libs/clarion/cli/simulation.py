"""The command that writes the files of a simulated shop."""

from datetime import timedelta
from pathlib import Path

import click
from rich.progress import Progress
from rich.table import Table

from clarion.cli.options import OUT
from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.kernel.errors import LakeError
from clarion.sim import files, margins, store
from clarion.sim.course import World, build_world
from clarion.sim.shop import parse_shop

COMPARED = 5_000  # customers of whom the margins are worked out
COMPARABLE = 300  # with fewer a margin says nothing


@click.command("sim")
@click.option("--shop", default="beauty", show_default=True, help="Name of a file in shops/.")
@click.option("--customers", type=click.IntRange(1), help="Default: as many as the file says.")
@click.option("--days", type=click.IntRange(30), help="Days of history; default: the file's.")
@click.option("--seed", type=int, default=7, show_default=True, help="Names the shop's world.")
@click.option(
    "--beside/--web-only",
    default=True,
    show_default=True,
    help="With what happens beside the web shop: stores, service, stock, pictures.",
)
@click.option(
    "--conf-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder with shop files of your own.",
)
@click.argument("folder", type=click.Path(path_type=Path))
def simulate(
    folder: Path,
    shop: str,
    customers: int | None,
    days: int | None,
    seed: int,
    beside: bool,
    conf_dir: Path | None,
) -> None:
    """Write the files of a simulated shop into FOLDER, and what is true of it beside them.

    FOLDER/inbox holds what the mappings sim, sim_social and sim_store read, FOLDER/truth what only
    tests may know: who the customers are, which effects their messages have, and which records
    are those of bots and of fake accounts.
    """
    config = Config.load(conf_dir=conf_dir)
    file = f"shops/{shop}.yml"
    written = parse_shop(parse_yaml(config.text(file), where=file), where=file)
    changes = {"customers": customers, "history_days": days}
    chosen = written.model_copy(update={key: value for key, value in changes.items() if value})
    _refuse_full(folder)
    world = build_world(chosen, seed=seed)
    last = chosen.starts_on + timedelta(days=chosen.history_days)
    inbox = str(folder.absolute() / "inbox")
    with Progress(console=OUT, transient=True) as bar:
        task = bar.add_task(f"{chosen.customers:,} customers, {chosen.history_days} days")

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        delivered = files.deliver_history(
            world, inbox, last=last, live_from=last, progress=progress
        )
        records = dict(delivered.records)
        if beside:
            for kind, number in store.deliver_store(world, inbox, last=last).records.items():
                records[kind] = records.get(kind, 0) + number
    OUT.print(_records_table(records, delivered.damaged))
    if chosen.customers >= COMPARABLE:
        small = chosen.model_copy(update={"customers": min(chosen.customers, COMPARED)})
        OUT.print(_margins_table(config, build_world(small, seed=seed), chosen.history_days))
    else:
        OUT.print(f"fewer than {COMPARABLE} customers are not compared with real shops")
    OUT.print(f"{inbox} holds the files, {folder.absolute() / 'truth'} what is true", markup=False)


def _refuse_full(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LakeError(
            f"{folder} is not empty",
            found="files that are already there" if folder.is_dir() else "a file",
            fix="name a folder that does not exist or is empty",
        )


def _records_table(records: dict[str, int], damaged: dict[tuple[str, str], int]) -> Table:
    table = Table("kind", "records", "damaged on purpose", title="Written")
    table.columns[1].justify = "right"
    for kind in sorted(records):
        faults = [
            f"{name} {number}" for (of, name), number in sorted(damaged.items()) if of == kind
        ]
        table.add_row(kind, f"{records[kind]:,}", ", ".join(faults))
    return table


def _margins_table(config: Config, world: World, days: int) -> Table:
    """The shop's margins beside those of real shops."""
    ranges = margins.parse_ranges(
        parse_yaml(config.text("margins.yml"), where="margins.yml"), where="margins.yml"
    )
    values = margins.of_shop(world, last=days)
    table = Table("margin", "this shop", "real shops", "", title="Beside real shops")
    for name, real in ranges.items():
        value = values[name]
        mark = "" if real.holds(value) else "outside"
        table.add_row(name, f"{value:.4g}", f"{real.low:g} to {real.high:g}", mark)
    return table
