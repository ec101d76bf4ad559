"""Records of a stream that `clean` would accept, with what live figures need beside them."""

from datetime import timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.cleaning.currencies import AmountSpec, convert_amounts, daily_rates
from clarion.collect.cleaning.order_states import SaleSettings, amount_of_sale, is_sale
from clarion.collect.cleaning.parsing import fill_missing, parse_records
from clarion.collect.cleaning.reasons import RowPolicy, find_reasons
from clarion.collect.privacy.persons import remove_persons
from clarion.collect.sources.mapping import Fill, Source
from clarion.contracts.silver import PRODUCTS, RATES
from clarion.declarations.shop import parse_spec, rules
from clarion.kernel.errors import ConfigError
from clarion.products.catalogue.current import current_products
from clarion.runtime.scope import Scope
from clarion.streaming.clocks import bound_event_times
from clarion.workflows.intake import consenting_people, suppression_list
from clarion.workflows.stream_intake import LiveSource, follow_source, with_provenance

CHECKS = "checks"  # what every query of accepted records observes: `rejected`


def accepted_events(scope: Scope, live: LiveSource) -> DataFrame:
    """Events that the rules accept, none later than it arrived; see `bound_event_times`."""
    # In a stream this is the time of the micro-batch, which a repeated batch keeps.
    return bound_event_times(accepted_records(scope, live), landed_at=F.current_timestamp())


def accepted_sales(scope: Scope, live: LiveSource) -> DataFrame:
    """Order lines that count as sales, none later than it arrived, in the shop's currency.

    A line in another currency without a rate of its day is left out, as in every batch figure.
    """
    lines = accepted_records(scope, live).where(is_sale(scope.settings(SaleSettings)))
    paid = in_shop_currency(scope, live, lines.withColumn("amount", amount_of_sale()))
    return bound_event_times(paid, landed_at=F.current_timestamp())


def in_shop_currency(
    scope: Scope, live: LiveSource, lines: DataFrame, *, money: tuple[str, ...] = ("amount",)
) -> DataFrame:
    """Order lines with amounts in the shop's currency; those without a rate are left out.

    Args:
        scope: the run.
        live: the source of the lines.
        lines: rows of `accepted_records`.
        money: the columns with amounts.
    """
    columns = [live.source.kind.column(name) for name in money]
    spec = AmountSpec(
        money=tuple(column for column in columns if column is not None),
        time="happened_at",
        rates_on=None,
        currency=str(scope.config.get("shop.currency")),
        time_zone=scope.time_zone,
    )
    rates = None
    if scope.exists(RATES):
        rates = daily_rates(scope.raw(RATES), time_zone=scope.time_zone)
    return convert_amounts(lines, rates, spec)


def accepted_records(scope: Scope, live: LiveSource) -> DataFrame:
    """Typed records of a stream without those that `clean` puts into the quarantine.

    People who do not consent to collection, or were erased, are named in none, as in bronze.
    What only a whole delivery can decide is left to `clean`: duplicates, and products that no list
    of an earlier pass holds.

    Raises:
        ConfigError: the mapping fills values that only a whole file can give.
    """
    source = live.source
    _refuse_whole_files(source)
    spec = parse_spec(source)
    parsed = parse_records(_without_persons(scope, live), spec)
    values = {
        name: F.lit(fill.fill) for name, fill in source.missing.items() if isinstance(fill, Fill)
    }
    policy = RowPolicy(
        rules=rules(scope.config)[source.kind.name], policies=source.rules, required=source.required
    )
    products = scope.raw(PRODUCTS).select("product_id") if scope.exists(PRODUCTS) else None
    checked = find_reasons(fill_missing(parsed, values, spec), spec, policy, products=products)
    # What is observed keeps Spark from merging the checks into everything after them: planning a
    # batch of customers took 22 s.
    rejected = F.count_if(F.size("_reasons") > 0).alias("rejected")
    return checked.observe(CHECKS, rejected).where("size(_reasons) = 0").drop("_reasons")


def each_once(rows: DataFrame, *, key: tuple[str, ...], watermark: timedelta) -> DataFrame:
    """Rows with a credible time, each once within the watermark.

    A clock that is further ahead than the watermark is wrong. Its rows would count in a minute
    that is not theirs, and move the watermark beyond rows that have yet to be read.

    Args:
        rows: rows of `bound_event_times`.
        key: columns that name a row; empty where nothing does, so that every row counts.
        watermark: how late a row may be.
    """
    credible = rows.where(F.col("ahead_s") <= watermark.total_seconds()).withWatermark(
        "happened_at", f"{watermark.total_seconds():.0f} seconds"
    )
    return credible.dropDuplicatesWithinWatermark(list(key)) if key else credible


def with_category(scope: Scope, rows: DataFrame) -> DataFrame:
    """The rows with the category of their product; else the one they state; null for none.

    Args:
        scope: the run.
        rows: with product_ref, and perhaps a category.
    """
    own = F.col("category") if "category" in rows.columns else F.lit(None).cast("string")
    products = product_categories(scope)
    if products is None:
        return rows.withColumn("category", own)
    categories = products.withColumnsRenamed({"product_id": "product_ref", "category": "_category"})
    joined = rows.join(F.broadcast(categories), "product_ref", "left")
    return joined.withColumn("category", F.coalesce("_category", own)).drop("_category")


def product_categories(scope: Scope) -> DataFrame | None:
    """The category of each product of the shop: product_id, category; None without a list."""
    if not scope.exists(PRODUCTS):
        return None
    return current_products(
        scope.raw(PRODUCTS), as_of=scope.as_of, time_zone=scope.time_zone
    ).select("product_id", "category")


def _without_persons(scope: Scope, live: LiveSource) -> DataFrame:
    """The records of a stream as bronze keeps them: without people who may not be named."""
    source = live.source
    records = with_provenance(source, follow_source(scope, live))
    people = consenting_people(scope, source)
    erased = suppression_list(scope) if source.kind.people else None
    if people is None and erased is None:
        return records
    return remove_persons(
        records, source, source_columns=live.columns, consenting=people, suppression_list=erased
    )


def _refuse_whole_files(source: Source) -> None:
    whole = [*source.from_above, *source.of_order]
    if whole:
        raise ConfigError(
            f"{source.name} cannot be followed as a stream",
            found=f"values that other lines of the order state: {', '.join(whole)}",
            fix="write 'mode: batch', or state them in every line",
        )
