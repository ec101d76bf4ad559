"""Commands of those who address customers: an audience, and all that is known of one customer."""

from pathlib import Path

import click

from clarion.ops.options import OUT, Options, common


@click.command("audience")
@click.argument("expression")
@click.option("--purpose", type=click.Choice(["marketing", "analytics"]), default="marketing", show_default=True, help="Whose consent is asked.")
@click.option("--export", "file", type=click.Path(path_type=Path), help="File (.csv or .parquet) for those who consent.")
@click.option("--show", type=int, default=5, show_default=True, help="Customers of the preview.")
@common
def audience(options: Options, expression: str, purpose: str, file: Path | None, show: int) -> None:
    """The customers of whom EXPRESSION is true: how many, in which groups, and a file of those who may be addressed.

    EXPRESSION is SQL over the features of conf/features.yml, segment_id, segment (its English name) and tags, such as
    "price_sensitivity > 0.5 AND array_contains(tags, 'looker')".
    """
    from clarion.ops.audience import AudienceSettings, export, select
    from clarion.ops.views import audience as shown

    config = options.config()
    found = select(options.open(config), config, expression, as_of=options.day(config), purpose=purpose, show=show)
    OUT.print(shown(found))
    if file is not None:
        written = export(found, file, floor=config.section(AudienceSettings).floor)
        OUT.print(f"written: {file}, {written:,} customers who consent to {purpose}", markup=False)


@click.command("customer")
@click.argument("customer")
@click.option("--show", type=int, default=10, show_default=True, help="Events and decisions that are shown.")
@common
def customer_card(options: Options, customer: str, show: int) -> None:
    """All that is known of CUSTOMER (a surrogate or the shop's own name): profile, groups, tags, features, what was done and decided last."""
    from clarion.ops.card import card
    from clarion.ops.views import card as shown

    config = options.config()
    OUT.print(shown(card(options.open(config), config, customer, as_of=options.day(config), show=show)))


COMMANDS = (audience, customer_card)
