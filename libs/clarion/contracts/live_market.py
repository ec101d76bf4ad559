"""Live: what streams keep of competitors."""

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.sources import MONEY

MARKET_ALERT_KINDS = (
    "price_cut", "price_rise", "promotion_start", "promotion_end", "price_war", "stock_out",
)  # fmt: skip
# What was seen of a listing at one time; the promotion is null where none was on.
SIGHTING = (
    f"struct<at:timestamp,price:{MONEY},promotion:string,promoted_until:timestamp,"
    "is_available:boolean,product_id:string>"
)

MARKET_STATE = Table(
    name="live.market_state",
    grain="one listing of a competitor in one currency",
    key=("competitor", "title", "currency"),
    columns=(
        Column("competitor", "string", "who sells it"),
        Column("title", "string", "what the competitor calls it"),
        Column("currency", "string", "ISO 4217 code; empty where none is stated"),
        Column("product_id", "string", "the shop's own product it is matched with", nullable=True),
        Column("category", "string", "category of that product", nullable=True),
        Column("price", MONEY, "last price seen", unit="currency of the row"),
        Column("observed_at", "timestamp", "when it was seen"),
        Column("promotion", "string", "promotion that was on then", nullable=True),
        Column(
            "history",
            f"array<{SIGHTING}>",
            "what was seen in the last 60 days and once before, oldest first; at most 500",
        ),
    ),
    checks=(Check("price_positive", "price > 0"),),
    owner="operations",
)
MARKET_ALERTS = Table(
    name="live.market_alerts",
    grain="one thing that competitors did, from when to when it lasts",
    key=("alert_id",),
    columns=(
        Column("alert_id", "string", "SHA-256 of the kind, what it is about, and the time"),
        Column("kind", "string", f"one of {', '.join(MARKET_ALERT_KINDS)}"),
        Column("competitor", "string", "who did it; null for several", nullable=True),
        Column("title", "string", "what the competitor calls the product", nullable=True),
        Column(
            "product_id", "string", "the shop's own product it is matched with", nullable=True
        ),
        Column("category", "string", "category of that product, or of a price war", nullable=True),
        Column("observed_at", "timestamp", "time of the first record that shows it"),
        Column(
            "currency", "string", "currency of the prices; empty for none stated", nullable=True
        ),
        Column("price_before", MONEY, "price seen before", unit="currency of the row",
               nullable=True),
        Column("price_after", MONEY, "price seen then", unit="currency of the row", nullable=True),
        Column(
            "change", "double", "of a price_cut or price_rise: price after / price before - 1",
            nullable=True,
        ),
        Column("promotion", "string", "promotion that was on, or that ended", nullable=True),
        Column("evidence", "map<string,string>", "what else was seen, by name"),
        Column("valid_from", "timestamp", "since when it holds"),
        Column("valid_to", "timestamp", "until when; null while it lasts", nullable=True),
    ),
    checks=(
        Check("known_kind", f"kind IN {MARKET_ALERT_KINDS}"),
        Check("ends_after_its_start", "valid_to IS NULL OR valid_to >= valid_from"),
    ),
    owner="operations",
)  # fmt: skip
