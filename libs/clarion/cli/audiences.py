"""Commands for marketing: an audience, and one customer."""

from datetime import UTC, datetime
from pathlib import Path

import click

from clarion.cli.options import OUT, Options, common
from clarion.config import Config
from clarion.kernel.errors import UsageError


@click.command("audience")
@click.argument("expression")
@click.option(
    "--purpose",
    type=click.Choice(["marketing", "analytics"]),
    help="Purpose that customers must consent to: marketing, or analytics with --research.",
)
@click.option(
    "--channel",
    help="Channel on which they must consent; by default on every channel.",
)
@click.option(
    "--export",
    "file",
    type=click.Path(path_type=Path),
    help="File (.csv or .parquet) for those who consent.",
)
@click.option(
    "--research",
    type=click.Path(path_type=Path),
    help="File (.csv or .parquet) of portraits of their groups, without customers.",
)
@click.option("--show", type=int, default=5, show_default=True, help="Customers of the preview.")
@common
def audience(
    options: Options,
    expression: str,
    purpose: str | None,
    channel: str | None,
    file: Path | None,
    research: Path | None,
    show: int,
) -> None:
    """Count the customers who meet EXPRESSION, by group, and export those who consent.

    For market research, --research writes portraits of groups, and no customer: a group below
    audience.floor is left out, and so is a figure to which fewer contribute.

    EXPRESSION is SQL over the features of conf/features.yml, segment_id, segment (its English
    name) and tags, such as "price_sensitivity > 0.5 AND array_contains(tags, 'looker')".
    """
    from clarion.cli.views import audience_view
    from clarion.explore.audience import (
        AudienceSettings,
        check_export_file,
        export_audience,
        select_audience,
    )
    from clarion.explore.research import export_research

    config = options.config()
    purpose = purpose or ("marketing" if research is None else "analytics")
    if research is not None and (file is not None or purpose != "analytics"):
        raise UsageError(
            "--research is for analytics, and writes no customers",
            found="--export" if file is not None else f"--purpose {purpose}",
            fix="leave --export and --purpose out",
        )
    for path in (file, research):
        if path is not None:
            check_export_file(path)
    lake = options.open_existing(config)
    day = options.day(config)
    selected = select_audience(
        lake, config, expression, as_of=day, purpose=purpose, channel=channel, show=show
    )
    OUT.print(audience_view(selected))
    floor = config.section(AudienceSettings).floor
    if file is not None:
        written = export_audience(selected, file, floor=floor)
        OUT.print(f"written: {file}, {written:,} customers who consent to {purpose}", markup=False)
    if research is not None:
        groups, left_out = export_research(selected, lake, research, floor=floor)
        OUT.print(
            f"written: {research}, portraits of {groups} groups; left out as too small: {left_out}",
            markup=False,
        )


@click.command("customer")
@click.argument("customer")
@click.option(
    "--show", type=int, default=10, show_default=True, help="Events and decisions that are shown."
)
@click.option(
    "--now",
    is_flag=True,
    help="Features of the last day and the stream since, at once. CUSTOMER is a surrogate.",
)
@common
def customer_360(options: Options, customer: str, show: int, now: bool) -> None:
    """Show CUSTOMER (a surrogate or the shop's own name) on one page.

    The page has profile, groups, tags, deliveries, returns, service contacts, features, last
    activity and last decisions.
    """
    config = options.config()
    if now:
        _print_now(options, config, customer)
        return
    from clarion.cli.views import customer_page
    from clarion.explore.customer_360 import customer_view

    lake = options.open_existing(config)
    view = customer_view(lake, config, customer, as_of=options.day(config), show=show)
    OUT.print(customer_page(view))


def _print_now(options: Options, config: Config, customer: str) -> None:
    from clarion.cli.views import live_customer_page
    from clarion.serving.live_view import LiveView

    options.require_lake(config)
    half_life_hours = float(config.get("monitor.interest_half_life_hours"))
    live_view = LiveView(options.lake, half_life_hours=half_life_hours)
    view = live_view.of(customer, now=datetime.now(UTC))
    if view is None:
        raise UsageError(
            f"nothing is known of '{customer}'",
            found="neither features nor a state on the stream",
            fix="name a surrogate, or leave --now out",
        )
    OUT.print(live_customer_page(view, live_view.declared()))


COMMANDS = (audience, customer_360)
