"""Live: what streams keep up to date."""

from clarion.contracts import live_campaigns
from clarion.contracts.core import Check, Column, Table
from clarion.contracts.live_market import MARKET_ALERTS, MARKET_STATE
from clarion.contracts.sources import MONEY

# When an event happened: no later than it arrived, then the time it states, then its number.
MOMENT = "struct<at:timestamp,stated_at:timestamp,sequence_no:bigint>"
CART_CHANGES = f"array<struct<moment:{MOMENT},is_removal:boolean,product_id:string>>"

DIMENSIONS = ("all", "channel", "category", "payment")
KPI_MINUTES = Table(
    name="live.kpi_minutes",
    grain="one minute of event time, source, and value of a dimension",
    key=("minute", "source", "dimension", "value"),
    columns=(
        Column("minute", "timestamp", "start of the minute"),
        Column("source", "string", "source of the events or orders; sources are summed"),
        Column("dimension", "string", f"one of {', '.join(DIMENSIONS)}"),
        Column(
            "value",
            "string",
            "channel, category of the product, or step and method of the payment; "
            "'all' for everything",
        ),
        Column("events", "bigint", "everything done, each event once"),
        Column("views", "bigint", "products looked at"),
        Column("searches", "bigint", "searches"),
        Column("cart_adds", "bigint", "products put into a cart"),
        Column("checkouts", "bigint", "checkouts begun"),
        Column("payment_failures", "bigint", "attempts to pay that failed"),
        Column("payments_given_up", "bigint", "payments that the customer gave up"),
        Column(
            "visitors",
            "bigint",
            "customers and devices, distinct (HyperLogLog, 5 % standard error)",
        ),
        Column("sessions", "bigint", "visits, distinct (HyperLogLog, 5 % standard error)"),
        Column("orders", "bigint", "orders paid, distinct"),
        Column("revenue", MONEY, "amount of their lines", unit="shop currency"),
    ),
    checks=(
        Check("parts_within_whole", "views + searches + cart_adds + checkouts <= events"),
        Check("known_dimension", f"dimension IN {DIMENSIONS}"),
    ),
    owner="operations",
)
CUSTOMER_STATE = Table(
    name="live.customer_state",
    grain="one customer seen on the stream, from the day on which they were seen to the next",
    key=("customer_id", "valid_from"),
    columns=(
        Column("customer_id", "string", "surrogate of the customer"),
        Column("valid_from", "date", "day whose last action is in the row"),
        Column(
            "valid_to", "date", "next day with an action; null for the present row", nullable=True
        ),
        Column("interest", "double", "time-decayed number of actions, as of interest_at"),
        Column("interest_at", "timestamp", "time of the last action"),
        Column(
            "category_interest",
            "map<string,double>",
            "time-decayed number of actions by category of the product, as of interest_at",
        ),
        Column(
            "last_product_id", "string", "product of the last action that had one", nullable=True
        ),
        Column(
            "open_cart",
            "array<string>",
            "products in the cart that were not taken out or checked out",
        ),
        Column("cart_at", "timestamp", "time of the last change of the cart", nullable=True),
        Column("session_ref", "string", "visit of the last action that had one", nullable=True),
        Column("last_product_moment", MOMENT, "moment of that action", nullable=True),
        Column("last_session_moment", MOMENT, "moment of that action", nullable=True),
        Column("checkout_moment", MOMENT, "moment of the last checkout", nullable=True),
        Column(
            "cart_changes",
            CART_CHANGES,
            "last change of each product since the last checkout, newest first; at most 500",
        ),
        Column("cart_add_moments", f"array<{MOMENT}>", "the last three, newest first"),
        Column(
            "payment_failure_moments",
            f"array<{MOMENT}>",
            "the last three payments that failed or were given up, newest first",
        ),
        Column(
            "_stream_batches",
            "map<string,struct<batch:bigint,day:date>>",
            "last batch and day of each source that are in the row",
        ),
    ),
    checks=(
        Check("interest_not_negative", "interest >= 0"),
        Check("ends_after_its_start", "valid_to IS NULL OR valid_to > valid_from"),
    ),
    owner="operations",
)
ALERTS = Table(
    name="live.alerts",
    grain="one figure of the shop that left its usual range, from when to when",
    key=("alert_id",),
    columns=(
        Column("alert_id", "string", "figure and time"),
        Column("metric", "string", "column of live.kpi_minutes"),
        Column("direction", "string", "drop or surge"),
        Column("opened_at", "timestamp", "minute in which it was found"),
        Column(
            "closed_at",
            "timestamp",
            "minute in which it was usual again; null while it lasts",
            nullable=True,
        ),
        Column("window_minutes", "int", "minutes that are summed", unit="minutes"),
        Column("value", "double", "sum of the last minutes when it was found"),
        Column("usual", "double", "median of earlier sums at the same time"),
        Column("z", "double", "(value - usual) / robust standard deviation"),
        Column("peak_z", "double", "the largest while it lasted"),
        Column("baseline", "string", "same time: hour_of_week; in the first weeks hour_of_day"),
        Column("history_weeks", "double", "history that the median is of", unit="weeks"),
    ),
    checks=(
        Check("known_direction", "direction IN ('drop', 'surge')"),
        Check("known_baseline", "baseline IN ('hour_of_week', 'hour_of_day')"),
    ),
    owner="operations",
)
PROBLEMS = Table(
    name="live.problems",
    grain="one step and method of payment, over 24 hours",
    key=("step", "payment_method"),
    columns=(
        Column("step", "string", "page on which the payment stopped; 'payment' where not stated"),
        Column("payment_method", "string", "'unknown' where not stated"),
        Column("failures", "bigint", "attempts that failed"),
        Column("given_up", "bigint", "payments that the customer gave up"),
        Column("checkouts", "bigint", "checkouts of the shop in the same time"),
        Column("given_up_share", "double", "given up / (given up + checkouts)", unit="0 to 1"),
        Column("simplify", "boolean", "whether the step is to be made simpler"),
        Column("counted_until", "timestamp", "end of the 24 hours that were counted"),
    ),
    owner="operations",
)
REQUEST_KINDS = (
    "abandoned_cart", "payment_failure", "sudden_interest", "complaint", "low_rating",
    "price_cut", "price_war", "promotion_start", "group_entry", "dormancy",
)  # fmt: skip
REQUESTS = Table(
    name="live.requests",
    grain="one occasion that asks for a decision",
    key=("request_id",),
    columns=(
        Column("request_id", "string", "SHA-256 of kind and occasion"),
        Column("kind", "string", f"one of {', '.join(REQUEST_KINDS)}"),
        Column("customer_id", "string", "whom it is about", nullable=True),
        Column("product_id", "string", "product that it is about", nullable=True),
        Column("category", "string", "category that it is about", nullable=True),
        Column("occurred_at", "timestamp", "when it came about"),
        Column("evidence", "map<string,string>", "what was seen"),
        Column("_found_at", "timestamp", "when it was found"),
    ),
    checks=(Check("known_kind", f"kind IN {REQUEST_KINDS}"),),
    owner="operations",
)
TABLES = (
    KPI_MINUTES, CUSTOMER_STATE, MARKET_STATE, MARKET_ALERTS, ALERTS, PROBLEMS, REQUESTS,
    *live_campaigns.TABLES,
)  # fmt: skip
