"""Silver: typed, standardised facts, one row each, and the records that were rejected."""

from dataclasses import replace

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.sources import (
    EVENT_TYPES,
    KINDS,
    ORDER_STATES,
    RESPONSE_TYPES,
    TOUCH_TYPES,
    UNKNOWN_STATE,
    Kind,
)

REFERENCES = {
    "customer_ref": "customer_id",
    "from_ref": "from_id",
    "to_ref": "to_id",
    "product_ref": "product_id",
    "order_ref": "order_id",
}
CUSTOMER_REFERENCES = ("customer_ref", "from_ref", "to_ref")

PROVENANCE = (
    Column("_source", "string", "mapping and source kind"),
    Column("_file", "string", "file of the record"),
    Column("_row", "bigint", "number of the record in its file"),
    Column("_batch", "string", "batch that brought it"),
)
_ARRIVED = Column("arrived_at", "timestamp", "when the shop learned of it")
_MARKS = (
    Column(
        "warnings", "array<string>", "rules that the row fails and that only warn", nullable=True
    ),
    Column(
        "filled_columns",
        "array<string>",
        "columns whose value was missing and was filled by the mapping's policy",
        nullable=True,
    ),
)


def record_id_name(kind: Kind) -> str:
    """Name of the column that identifies a record in the kind's silver table."""
    return "order_line_id" if kind.silver == "order_lines" else "record_id"


def _silver_column(kind: Kind, column: Column) -> Column:
    if column.name in CUSTOMER_REFERENCES:
        return replace(column, name=REFERENCES[column.name], meaning="surrogate of the customer")
    if column.name in REFERENCES:
        return replace(column, name=REFERENCES[column.name])
    if column.name == kind.time:
        return replace(column, nullable=False)
    if column.name == "unit_price":
        return replace(column, nullable=False)
    if column.name == "discount":
        return replace(column, meaning="taken off the whole line")
    if column.name == "amount" and kind.name == "orders":
        return replace(column, nullable=False, meaning="paid for the whole line, less its refund")
    if column.name == "refund":
        return replace(column, meaning="paid back of the line's amount")
    if column.name == "status":
        return replace(column, meaning=f"state of the order: {', '.join(ORDER_STATES)}, unknown")
    if column.personal:
        return replace(column, meaning=f"token of the {column.meaning}")
    return column


def _fact(
    kind: Kind,
    *,
    grain: str,
    checks: tuple[Check, ...] = (),
    extra: tuple[Column, ...] = (),
    cluster: tuple[str, ...] = (),
) -> Table:
    record_id = record_id_name(kind)
    own = tuple(
        _silver_column(kind, column)
        for column in kind.columns
        if column.name not in ("arrived_at", "record_ref")
    )
    return Table(
        name=f"silver.{kind.silver}",
        grain=grain,
        key=(record_id,),
        slice=("_batch",),
        columns=(
            Column(record_id, "string", "SHA-256 of source, file and record number or name"),
            *own, *extra, _ARRIVED, *PROVENANCE, *_MARKS,
        ),
        checks=checks,
        cluster_by=cluster,
        owner="data",
    )  # fmt: skip


def _one_of(column: str, values: tuple[str, ...]) -> Check:
    return Check(f"{column}_known", f"{column} IN ({', '.join(repr(value) for value in values)})")


CUSTOMERS = _fact(KINDS["registrations"], grain="one registration record of a customer")
EVENTS = _fact(
    KINDS["events"],
    grain="one action of a visitor",
    checks=(_one_of("type", EVENT_TYPES),),
    cluster=("happened_at",),
)
ORDER_LINES = _fact(
    KINDS["orders"],
    grain="one line of an order, or of a return, in one of its versions",
    extra=(
        Column(
            "kind",
            "string",
            "sale, return, or no_sale where the state of the order does not count "
            "(sales.states) or all was paid back",
        ),
        Column(
            "line_key",
            "string",
            "SHA-256 of what names the line in its source; equal for its versions: "
            "the newest that had arrived counts",
            nullable=True,
        ),
        Column(
            "is_redelivered",
            "boolean",
            "whether the line was delivered more than once when it was cleaned",
            nullable=True,
        ),
        Column(
            "_statement",
            "bigint",
            "number of the record that states its line alone; 0 where the lines of a delivery "
            "that have no id are stated together",
            nullable=True,
        ),
        Column("_ingested_at", "timestamp", "when its batch was taken (wall clock)", nullable=True),
    ),
    checks=(
        _one_of("kind", ("sale", "return", "no_sale")),
        Check(
            "status_known",
            f"coalesce(status, 'paid') IN ({', '.join(map(repr, (*ORDER_STATES, UNKNOWN_STATE)))})",
        ),
        Check("quantity_positive", "quantity > 0"),
        Check("price_not_negative", "unit_price >= 0"),
        Check("amount_not_negative", "amount >= 0"),
    ),
    cluster=("happened_at",),
)
PRODUCTS = _fact(KINDS["products"], grain="one state of a product as of a time")
MARKET_PRICES = _fact(
    KINDS["market"],
    grain="one price seen at a competitor",
    checks=(Check("price_positive", "price > 0"),),
)
MARKET_PROMOTIONS = _fact(KINDS["promotions"], grain="one promotion seen at a competitor")
STOCK = _fact(
    KINDS["stock"],
    grain="units and price of a product as of a time",
    checks=(Check("stock_not_negative", "coalesce(stock, 0) >= 0"),),
)
SERVICE_CONTACTS = _fact(
    KINDS["contacts"], grain="one contact of a customer with the shop's service"
)
ASSETS = _fact(
    KINDS["assets"], grain="one file that is stored unchanged, such as an image or a log"
)
REVIEWS = _fact(KINDS["reviews"], grain="one review")
TRAITS = _fact(KINDS["traits"], grain="one attribute of a customer as of a time")
TIES = _fact(KINDS["ties"], grain="one tie between two customers")
COSTS = _fact(
    KINDS["costs"],
    grain="one amount spent on a day",
    checks=(Check("amount_not_negative", "amount >= 0"),),
)
RATES = _fact(
    KINDS["rates"],
    grain="one exchange rate as of a time",
    checks=(Check("rate_positive", "rate > 0"),),
)
CONSENTS = _fact(
    KINDS["consents"],
    grain="one statement on whether a customer's data may be used",
    extra=(Column("basis", "string", "recorded from the customer, or declared by the operator"),),
    checks=(_one_of("basis", ("recorded", "declared")),),
)
RESPONSES = _fact(
    KINDS["responses"], grain="one reaction to a message", checks=(_one_of("type", RESPONSE_TYPES),)
)
REDEMPTIONS = _fact(KINDS["redemptions"], grain="one coupon redeemed")
TOUCHES = _fact(
    KINDS["touches"],
    grain="one contact of a person with a marketing channel",
    checks=(
        _one_of("type", TOUCH_TYPES),
        Check("cost_not_negative", "coalesce(cost, 0) >= 0"),
    ),
    cluster=("happened_at",),
)
EXPOSURES = _fact(
    KINDS["exposures"],
    grain="one item shown in a slot",
    checks=(
        Check("rank_positive", "rank >= 1"),
        Check("probability_in_range", "coalesce(probability > 0 AND probability <= 1, true)"),
        Check("clicked_after_it_was_shown", "coalesce(clicked_at >= happened_at, true)"),
    ),
    cluster=("happened_at",),
)

FACTS = {
    table.short_name: table
    for table in (
        CUSTOMERS, EVENTS, ORDER_LINES, PRODUCTS, STOCK, MARKET_PRICES, MARKET_PROMOTIONS,
        SERVICE_CONTACTS, ASSETS, REVIEWS, TRAITS, TIES, COSTS, RATES, CONSENTS, RESPONSES,
        REDEMPTIONS, TOUCHES, EXPOSURES,
    )
}  # fmt: skip

IDENTITIES = Table(
    name="silver.identities",
    grain="one name under which a customer is known",
    key=("namespace", "ref"),
    columns=(
        Column("namespace", "string", "who gives the name: namespace of the mapping"),
        # Personal: its minimum and maximum would stay in the table's log for ever.
        Column("ref", "string", "the name", personal=True),
        Column("customer_id", "string", "surrogate of the customer; never changes"),
        Column("first_seen_at", "timestamp", "earliest fact under this name when it was recorded"),
    ),
    owner="data",
)

QUARANTINE = Table(
    name="silver.quarantine",
    grain="one record that was rejected",
    key=("_source", "_file", "_row", "_batch"),
    slice=("_batch",),
    columns=(
        Column("kind", "string", "source kind"),
        Column(
            "reasons",
            "array<struct<rule:string,column:string,sample:string>>",
            "every rule the record fails, the column, and a masked sample of its value",
        ),
        Column("warnings", "array<string>", "rules that it also fails and that only warn"),
        *PROVENANCE,
    ),
    checks=(Check("has_a_reason", "size(reasons) > 0"),),
    owner="data",
)

RESOLUTIONS = Table(
    name="silver.resolutions",
    grain="one name whose facts belong to another customer than it names, as of a day",
    key=("as_of", "kind", "namespace", "ref"),
    slice=("as_of",),
    columns=(
        Column("as_of", "date", "first day whose facts do not count"),
        Column(
            "kind", "string", "customer (an account, by its surrogate), device or member (a card)"
        ),
        Column("namespace", "string", "who gives the name; empty for surrogates"),
        Column("ref", "string", "the name"),
        Column("customer_id", "string", "surrogate of the person"),
        Column("since", "date", "day since which the name belongs to this person without a gap"),
    ),
    checks=(_one_of("kind", ("customer", "device", "member")),),
    owner="data",
)
IDENTITY_LINKS = Table(
    name="silver.identity_links",
    grain="one pair of accounts that is one person, or would be but for a conflict, as of a day",
    key=("as_of", "left_id", "right_id"),
    slice=("as_of",),
    columns=(
        Column("as_of", "date", "first day whose facts do not count"),
        Column("left_id", "string", "surrogate of an account"),
        Column("right_id", "string", "surrogate of another"),
        Column(
            "method",
            "string",
            "fields that link them by rule, or probability, conflict or implausible",
        ),
        Column("agrees", "array<string>", "fields in which they agree"),
        Column("differs", "array<string>", "fields in which they differ"),
        Column("weight", "double", "Fellegi and Sunter's weight, prior included", unit="bits"),
        Column("probability", "double", "probability that both are one person"),
        Column(
            "is_linked", "boolean", "false where a conflict or an implausible person separates them"
        ),
    ),
    owner="data",
)
IDENTITY_MODELS = Table(
    name="silver.identity_models",
    grain="one as-of day on which accounts were compared: the model and its result",
    key=("as_of",),
    slice=("as_of",),
    columns=(
        Column("as_of", "date", "first day whose facts do not count"),
        Column("accounts", "bigint", "accounts compared"),
        Column("pairs", "bigint", "pairs compared"),
        Column("prior", "double", "chance that two accounts are one person", nullable=True),
        Column(
            "m", "map<string,double>", "chance that a field agrees between accounts of one person"
        ),
        Column("u", "map<string,double>", "chance that it agrees between accounts of two people"),
        Column(
            "linked_accounts", "bigint", "accounts that belong to the person of another account"
        ),
        Column("owned_identifiers", "bigint", "devices and cards that were assigned to a person"),
    ),
    owner="data",
)
INVALID_ACTIVITY = Table(
    name="silver.invalid_activity",
    grain="one fact that no customer intended, flagged by one detector as of a day",
    key=("as_of", "detector", "record_id"),
    slice=("as_of",),
    columns=(
        Column("as_of", "date", "first day whose facts do not count"),
        Column("detector", "string", "detector of conf/invalid_activity.yml"),
        Column("fact_table", "string", "table that holds the fact"),
        Column("record_id", "string", "surrogate of the record in that table"),
        Column("happened_at", "timestamp", "when it happened"),
        Column("features", "map<string,double>", "values by which it was flagged"),
    ),
    checks=(_one_of("fact_table", (EVENTS.name, ORDER_LINES.name)),),
    owner="data",
)
TABLES = (
    IDENTITIES,
    *FACTS.values(),
    QUARANTINE,
    RESOLUTIONS,
    IDENTITY_LINKS,
    IDENTITY_MODELS,
    INVALID_ACTIVITY,
)
