"""Live: what streams keep up to date."""

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.sources import MONEY

# When an event happened: no later than it arrived, then the time it states, then its number.
MOMENT = "struct<at:timestamp,stated_at:timestamp,sequence_no:bigint>"
CART_CHANGES = f"array<struct<moment:{MOMENT},is_removal:boolean,product_id:string>>"

KPI_MINUTES = Table(
    name="live.kpi_minutes",
    grain="one minute of event time",
    key=("minute",),
    columns=(
        Column("minute", "timestamp", "start of the minute"),
        Column("events", "bigint", "everything done, each event once"),
        Column("views", "bigint", "products looked at"),
        Column("searches", "bigint", "searches"),
        Column("cart_adds", "bigint", "products put into a cart"),
        Column("checkouts", "bigint", "checkouts begun"),
        Column(
            "visitors",
            "bigint",
            "customers and devices, distinct (HyperLogLog, 5 % standard error)",
        ),
    ),
    checks=(Check("parts_within_whole", "views + searches + cart_adds + checkouts <= events"),),
    owner="operations",
)
CUSTOMER_STATE = Table(
    name="live.customer_state",
    grain="one customer seen on the stream",
    key=("customer_id",),
    columns=(
        Column("customer_id", "string", "surrogate of the customer"),
        Column("interest", "double", "time-decayed number of actions, as of interest_at"),
        Column("interest_at", "timestamp", "time of the last action"),
        Column(
            "last_product_id", "string", "product of the last action that had one", nullable=True
        ),
        Column(
            "open_cart",
            "array<string>",
            "products in the cart that were not taken out or checked out",
        ),
        Column("cart_at", "timestamp", "time of the last change of the cart", nullable=True),
        Column("last_product_moment", MOMENT, "moment of that action", nullable=True),
        Column("checkout_moment", MOMENT, "moment of the last checkout", nullable=True),
        Column(
            "cart_changes",
            CART_CHANGES,
            "last change of each product since the last checkout, newest first; at most 500",
            nullable=True,
        ),
        Column("_stream_batch", "bigint", "batch of the stream that wrote the row last"),
    ),
    checks=(Check("interest_not_negative", "interest >= 0"),),
    owner="operations",
)
MARKET_STATE = Table(
    name="live.market_state",
    grain="the last price seen of one competitor for one product",
    key=("competitor", "product_id"),
    columns=(
        Column("competitor", "string", "who sells it"),
        Column("product_id", "string", "the shop's own product it is matched with"),
        Column("price", MONEY, "last price seen"),
        Column("observed_at", "timestamp", "when it was seen"),
    ),
    owner="operations",
)
MARKET_ALERTS = Table(
    name="live.market_alerts",
    grain="one move of a competitor's price on a matched product",
    key=("alert_id",),
    columns=(
        Column("alert_id", "string", "SHA-256 of competitor, product and time"),
        Column("competitor", "string", "who moved"),
        Column("product_id", "string", "the shop's own product it is matched with"),
        Column("observed_at", "timestamp", "when the new price was seen"),
        Column("price_before", MONEY, "price before"),
        Column("price_after", MONEY, "price after"),
        Column("change", "double", "price after / price before - 1"),
        Column("promotion", "string", "promotion shown with the new price", nullable=True),
    ),
    owner="operations",
)
TABLES = (KPI_MINUTES, CUSTOMER_STATE, MARKET_STATE, MARKET_ALERTS)
