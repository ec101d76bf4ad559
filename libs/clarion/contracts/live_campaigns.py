"""Live: what running campaigns achieve."""

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.sources import MONEY

MESSAGE_RESPONSES = Table(
    name="live.message_responses",
    grain="one message that was delivered, bounced or was read, while its campaign runs",
    key=("message_id",),
    columns=(
        Column("message_id", "string", "message of the outbox"),
        Column("taken_at", "timestamp", "when it was first delivered", nullable=True),
        Column("bounced_at", "timestamp", "when it first bounced", nullable=True),
        Column("read_at", "timestamp", "when it was first viewed or clicked", nullable=True),
        Column("clicked_at", "timestamp", "when it was first clicked", nullable=True),
    ),
    owner="operations",
)
MESSAGE_ORDERS = Table(
    name="live.message_orders",
    grain="one order line of a customer who got a message, while its campaign runs",
    key=("line_id",),
    columns=(
        Column("line_id", "string", "SHA-256 of source, order, line number and product"),
        Column("customer_id", "string", "surrogate of the customer"),
        Column("order_id", "string", "order, invoice or basket"),
        Column("product_id", "string", "product sold"),
        Column("happened_at", "timestamp", "when it was paid"),
        Column("quantity", "decimal(18,4)", "units; negative for a return"),
        Column("amount", MONEY, "paid for the line", unit="shop currency", nullable=True),
        Column("refund", MONEY, "paid back of it", unit="shop currency", nullable=True),
        Column("status", "string", "state of the order", nullable=True),
        Column("arrived_at", "timestamp", "when its newest version arrived"),
    ),
    owner="operations",
)
CAMPAIGN_COUNTS = ("delivered", "clickers", "buyers", "orders")
CAMPAIGN_AMOUNTS = ("revenue", "expected_cost")
CAMPAIGN_FIGURES = (*CAMPAIGN_COUNTS, *CAMPAIGN_AMOUNTS)
CAMPAIGN_MINUTES = Table(
    name="live.campaign_minutes",
    grain="one minute in which something came back from a campaign",
    key=("minute", "campaign_id"),
    columns=(
        Column("minute", "timestamp", "start of the minute"),
        Column("campaign_id", "string", "campaign of gold.messages"),
        Column("as_of", "date", "day on which it was decided"),
        Column("delivered", "bigint", "messages that were delivered"),
        Column("clickers", "bigint", "messages that were clicked for the first time"),
        Column(
            "buyers",
            "bigint",
            "clickers whose first order after the click was kept, placed within "
            "measure.conversion_days of it",
        ),
        Column("orders", "bigint", "kept orders of those buyers"),
        Column("revenue", MONEY, "paid for them, less returns", unit="shop currency"),
        Column(
            "expected_cost",
            MONEY,
            "planned cost, benefit and contact, of the messages that were delivered",
            unit="shop currency",
        ),
    ),
    checks=(
        Check("not_negative", "least(delivered, clickers, buyers, orders, revenue) >= 0"),
        Check("buyers_ordered", "buyers <= orders"),
    ),
    owner="operations",
)
TABLES = (MESSAGE_RESPONSES, MESSAGE_ORDERS, CAMPAIGN_MINUTES)
