"""Commands of those who address customers: an audience, and all that is known of one customer."""

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
    default="marketing",
    show_default=True,
    help="Whose consent is asked.",
)
@click.option(
    "--export",
    "file",
    type=click.Path(path_type=Path),
    help="File (.csv or .parquet) for those who consent.",
)
@click.option("--show", type=int, default=5, show_default=True, help="Customers of the preview.")
@common
def audience(options: Options, expression: str, purpose: str, file: Path | None, show: int) -> None:
    """The customers of whom EXPRESSION is true: how many, in which groups, and a file of those who may be addressed.

    EXPRESSION is SQL over the features of conf/features.yml, segment_id, segment (its English name) and tags, such as
    "price_sensitivity > 0.5 AND array_contains(tags, 'looker')".
    """
    from clarion.cli.views import audience as shown
    from clarion.explore.audience import AudienceSettings, export, select

    config = options.config()
    found = select(
        options.open(config),
        config,
        expression,
        as_of=options.day(config),
        purpose=purpose,
        show=show,
    )
    OUT.print(shown(found))
    if file is not None:
        written = export(found, file, floor=config.section(AudienceSettings).floor)
        OUT.print(f"written: {file}, {written:,} customers who consent to {purpose}", markup=False)


@click.command("customer")
@click.argument("customer")
@click.option(
    "--show", type=int, default=10, show_default=True, help="Events and decisions that are shown."
)
@click.option(
    "--now",
    is_flag=True,
    help="At once: the last day's features and what the stream has seen since. CUSTOMER is a surrogate.",
)
@common
def customer_card(options: Options, customer: str, show: int, now: bool) -> None:
    """All that is known of CUSTOMER (a surrogate or the shop's own name): profile, groups, tags, features, what was done and decided last."""
    config = options.config()
    if now:
        _print_now(options, config, customer)
        return
    from clarion.cli.views import card as shown
    from clarion.explore.customer_360 import card

    OUT.print(
        shown(card(options.open(config), config, customer, as_of=options.day(config), show=show))
    )


def _print_now(options: Options, config: Config, customer: str) -> None:
    from clarion.cli.views import known_now
    from clarion.serving.live_view import LiveView

    view = LiveView(
        options.lake, half_life_hours=float(config.get("monitor.interest_half_life_hours"))
    )
    found = view.of(customer, now=datetime.now(UTC))
    if found is None:
        raise UsageError(
            f"nothing is known of '{customer}'",
            found="neither features nor a state on the stream",
            fix="name a surrogate, or leave --now out",
        )
    OUT.print(known_now(found, view.declared()))


COMMANDS = (audience, customer_card)
