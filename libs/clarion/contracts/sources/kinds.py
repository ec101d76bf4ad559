"""The source kinds that there are, each with its columns."""

from clarion.contracts.core import Column
from clarion.contracts.sources.core import (
    CHANNELS,
    EVENT_TYPES,
    MONEY,
    ORDER_STATES,
    RESPONSE_TYPES,
    ROW_CURRENCY,
    TOUCH_TYPES,
    Kind,
)


def _optional(name: str, type_: str, meaning: str, *, personal: bool = False) -> Column:
    return Column(name, type_, meaning, nullable=True, personal=personal)


def _channel(meaning: str) -> Column:
    return Column("channel", "string", meaning, nullable=True, standard="channels")


def _money(name: str, meaning: str, *, nullable: bool = True) -> Column:
    return Column(name, MONEY, meaning, unit=ROW_CURRENCY, nullable=nullable)


_ARRIVED = _optional(
    "arrived_at", "timestamp", "when the shop came to know of it; default: when it happened"
)

_KINDS = (
    Kind(
        name="registrations", silver="customers", time="registered_at", key=("customer_ref",),
        people=("customer_ref", "phone", "mail", "name", "address", "id_number"),
        columns=(
            Column("customer_ref", "string", "the shop's name for the customer"),
            Column("registered_at", "timestamp", "when the account was opened"),
            _optional("phone", "string", "telephone number", personal=True),
            _optional("mail", "string", "mail address", personal=True),
            _optional("name", "string", "full name", personal=True),
            _optional("address", "string", "postal address", personal=True),
            _optional("id_number", "string", "number of an identity document", personal=True),
            _optional("sex", "string", "as stated by the customer"),
            _optional("birth_date", "date", "day of birth"),
            _optional("region", "string", "province, state or region"),
            _optional("occupation", "string", "as stated by the customer"),
            _optional("income_band", "string", "band of yearly income"),
            _optional("member_level", "string", "level in the shop's loyalty scheme"),
            _channel("where the account was opened"),
            _ARRIVED,
        ),
    ),
    Kind(
        name="events", silver="events", time="happened_at", key=("event_ref",),
        people=("customer_ref", "device_ref"),
        columns=(
            Column("event_ref", "string", "the client's name for the event"),
            Column("happened_at", "timestamp", "when it happened"),
            Column("type", "string", f"one of {', '.join(EVENT_TYPES)}"),
            _optional("customer_ref", "string", "the shop's name for the customer"),
            _optional("device_ref", "string", "device or browser"),
            _optional("product_ref", "string", "product looked at or put into the cart"),
            _optional("category", "string", "category looked at"),
            _optional("query", "string", "words searched for"),
            _optional("dwell_ms", "bigint", "time spent, in milliseconds"),
            _optional("page", "string", "page or screen"),
            _channel(", ".join(CHANNELS)),
            _optional("sequence_no", "bigint", "number within the visit, from 1 without gaps"),
            _optional("device_sequence_no", "bigint", "number of the device, over all its visits"),
            _optional("store_ref", "string", "shop on the street"),
            _optional("session_ref", "string", "the client's name for the visit"),
            _optional("signal", "string", "sensor in a store: wifi, bluetooth, guide, pos"),
            _ARRIVED,
        ),
    ),
    Kind(
        name="orders", silver="order_lines", time="happened_at",
        key=("order_ref", "line_no", "product_ref"),
        people=("customer_ref", "member_ref"),
        either=(("unit_price", "amount"),), later=("delivered_at",),
        columns=(
            Column("order_ref", "string", "order, invoice or basket"),
            Column("happened_at", "timestamp", "when it was paid"),
            Column("product_ref", "string", "product sold"),
            Column("quantity", "decimal(18,4)", "units; may be negative for a return"),
            _money(
                "unit_price",
                "price of one unit before the line's discount; default: (amount + discount) / "
                "quantity, rounded",
            ),
            _optional("customer_ref", "string", "the shop's name for the customer"),
            _optional("member_ref", "string", "membership shown at the till"),
            _optional("line_no", "bigint", "line within the order"),
            _money(
                "discount",
                "taken off the whole line; a mapping may state it of a unit, in per cent or with a "
                "minus",
            ),
            _money("amount", "paid for the whole line; default: quantity x unit price - discount"),
            _money("refund", "paid back of the line's amount, with or without a minus"),
            _optional("coupon_ref", "string", "coupon redeemed with the line"),
            _optional("currency", "string", "ISO 4217 code; default: the mapping's"),
            _channel(", ".join(CHANNELS)),
            _optional("store_ref", "string", "shop on the street"),
            Column("status", "string", f"one of {', '.join(ORDER_STATES)}, or a word for it",
                   nullable=True, words="order_states"),
            _optional("reason", "string", "why it was returned"),
            _optional("promised_at", "timestamp", "by when it was promised to reach the customer"),
            _optional("delivered_at", "timestamp", "when it reached the customer"),
            _optional("record_ref", "string", "the source's own name for the record"),
            _ARRIVED,
        ),
    ),
    Kind(
        name="products", silver="products", time="at", key=("product_ref",), people=(),
        columns=(
            Column("product_ref", "string", "the shop's code for the product"),
            Column("title", "string", "what it is called"),
            _optional("description", "string", "what is said of it"),
            _optional("brand", "string", "maker or brand"),
            _optional("category_path", "string", "categories, wide to narrow, separated by ' > '"),
            _optional("attributes", "map<string,string>", "further attributes by name"),
            _money("list_price", "price for everyone"),
            _money("cost", "what the unit costs the shop"),
            _optional("stock", "bigint", "units on hand at that time"),
            _optional("currency", "string", "ISO 4217 code; default: the mapping's"),
            _optional("language", "string", "language of title and description: en or zh"),
            _optional("at", "timestamp", "when this was so; default: since ever"),
            _ARRIVED,
        ),
    ),
    Kind(
        name="market", silver="market_prices", time="observed_at",
        key=("competitor", "title", "observed_at"),
        people=(),
        columns=(
            Column("competitor", "string", "who sells it"),
            Column("title", "string", "what the competitor calls it"),
            _money("price", "the competitor's price", nullable=False),
            Column("observed_at", "timestamp", "when it was seen"),
            _optional("product_ref", "string", "the shop's own product it was matched with"),
            _optional("brand", "string", "maker or brand"),
            _optional("promotion", "string", "promotion shown with the price"),
            _optional("promotion_from", "timestamp", "its start"),
            _optional("promotion_to", "timestamp", "its end"),
            _optional("currency", "string", "ISO 4217 code; default: the mapping's"),
            _optional("url", "string", "page it was seen on"),
            _ARRIVED,
        ),
    ),
    Kind(
        name="promotions", silver="market_promotions", time="starts_at",
        key=("competitor", "name", "starts_at"),
        people=(),
        columns=(
            Column("competitor", "string", "who promotes"),
            Column("name", "string", "what the competitor calls it"),
            Column("starts_at", "timestamp", "its start"),
            _optional("ends_at", "timestamp", "its end"),
            _optional("category", "string", "category it covers"),
            _optional("product_ref", "string", "the shop's own product it was matched with"),
            _optional("discount_share", "decimal(6,4)", "share taken off the price"),
            _optional("condition", "string", "what it asks for"),
            _optional("url", "string", "page it was seen on"),
            _ARRIVED,
        ),
    ),
    Kind(
        name="stock", silver="stock", time="at", key=("product_ref", "store_ref", "at"), people=(),
        columns=(
            Column("product_ref", "string", "the shop's code for the product"),
            Column("at", "timestamp", "when this was so"),
            _optional("stock", "bigint", "units on hand"),
            _money("price", "price for everyone"),
            _optional("currency", "string", "ISO 4217 code; default: the mapping's"),
            _optional("store_ref", "string", "shop on the street; empty for the warehouse"),
            _ARRIVED,
        ),
    ),
    Kind(
        name="contacts", silver="service_contacts", time="happened_at", key=("contact_ref",),
        later=("resolved_at",),
        columns=(
            Column("contact_ref", "string", "the shop's name for the contact"),
            Column("happened_at", "timestamp", "when the customer came forward"),
            Column("topic", "string", "delivery, return, complaint, question, payment"),
            _optional("customer_ref", "string", "who came forward"),
            _optional("order_ref", "string", "order it was about"),
            _channel("phone, chat, mail, store"),
            _optional("satisfaction", "decimal(4,2)", "as stated afterwards, from 0 to 5"),
            _optional("resolved_at", "timestamp", "when it was settled"),
            _ARRIVED,
        ),
    ),
    Kind(
        name="assets", silver="assets", time="modified_at", key=("path",), people=(),
        columns=(
            Column("path", "string", "path of the file"),
            Column("modified_at", "timestamp", "when it was last written"),
            Column("bytes", "bigint", "its length"),
            Column("content_hash", "string", "SHA-256 of its content; the name of the stored file"),
            Column("media_type", "string", "what it is, such as image/png"),
            _optional("product_ref", "string", "product it shows"),
            _optional("note", "string", "what else is known of it"),
            _ARRIVED,
        ),
    ),
    Kind(
        name="reviews", silver="reviews", time="happened_at", key=("review_ref",),
        columns=(
            Column("review_ref", "string", "the shop's name for the review"),
            Column("product_ref", "string", "product reviewed"),
            Column("happened_at", "timestamp", "when it was written"),
            _optional("customer_ref", "string", "who wrote it"),
            _optional("rating", "decimal(4,2)", "stars"),
            _optional("text", "string", "what was written"),
            _optional("language", "string", "language of the text"),
            _ARRIVED,
        ),
    ),
    Kind(
        name="traits", silver="traits", time="at", key=("customer_ref", "name", "at"),
        columns=(
            Column("customer_ref", "string", "the shop's name for the customer"),
            Column("name", "string", "attribute"),
            Column("value", "string", "its value"),
            Column("at", "timestamp", "when it was so"),
            _optional("source", "string", "who says so"),
            _optional("method", "string", "survey, purchase of data, declaration"),
            _ARRIVED,
        ),
    ),
    Kind(
        name="ties", silver="ties", time="at", key=("from_ref", "to_ref", "kind"),
        people=("from_ref", "to_ref"),
        columns=(
            Column("from_ref", "string", "customer who recommends or follows"),
            Column("to_ref", "string", "customer at the other end"),
            Column("kind", "string", "invited, follows, family"),
            _optional("strength", "double", "from 0 to 1"),
            _optional("at", "timestamp", "since when; default: since ever"),
            _ARRIVED,
        ),
    ),
    Kind(
        name="costs", silver="costs", time="day", key=("day", "channel", "campaign_ref", "note"),
        people=(),
        columns=(
            Column("day", "timestamp", "day it was spent"),
            Column("channel", "string", "where it was spent"),
            _money("amount", "what was spent", nullable=False),
            _optional("campaign_ref", "string", "campaign it was spent on"),
            _optional("note", "string", "advertising, operation and so on"),
            _optional("currency", "string", "ISO 4217 code; default: the mapping's"),
            _ARRIVED,
        ),
    ),
    Kind(
        name="rates", silver="rates", time="at", key=("currency", "at"), people=(),
        columns=(
            Column("currency", "string", "ISO 4217 code"),
            Column("at", "timestamp", "from when it holds: its day, and at most six days more"),
            Column("rate", "decimal(18,8)", "units of the shop's currency for one of this"),
            _optional("source", "string", "who says so"),
            _ARRIVED,
        ),
    ),
    Kind(
        name="consents", silver="consents", time="at",
        key=("customer_ref", "purpose", "channel", "at"),
        columns=(
            Column("customer_ref", "string", "the shop's name for the customer"),
            Column("purpose", "string", "collection, analytics or marketing"),
            Column("channel", "string", "channel it is about; * for every channel"),
            Column("granted", "boolean", "true where given, false where refused", words="answers"),
            Column("at", "timestamp", "when"),
            _ARRIVED,
        ),
    ),
    Kind(
        name="responses", silver="responses", time="happened_at", key=("message_ref", "type"),
        columns=(
            Column("message_ref", "string", "message of this shop's own campaigns"),
            Column("type", "string", f"one of {', '.join(RESPONSE_TYPES)}", words="response_types"),
            Column("happened_at", "timestamp", "when it happened"),
            _optional("customer_ref", "string", "who answered"),
            _optional("channel", "string", "channel of the message"),
            _ARRIVED,
        ),
    ),
    Kind(
        name="redemptions", silver="redemptions", time="happened_at",
        key=("customer_ref", "coupon_ref", "happened_at"),
        columns=(
            Column("customer_ref", "string", "who redeemed it"),
            Column("coupon_ref", "string", "coupon"),
            Column("happened_at", "timestamp", "when"),
            _optional("campaign_ref", "string", "campaign that issued it"),
            _optional("order_ref", "string", "order it was used in"),
            _ARRIVED,
        ),
    ),
    Kind(
        name="touches", silver="touches", time="happened_at", key=("touch_ref",),
        people=("customer_ref", "device_ref"),
        columns=(
            Column("touch_ref", "string", "the channel's name for the contact"),
            Column("happened_at", "timestamp", "when it happened"),
            Column("channel", "string", "search, social, display, email, push, store and so on"),
            Column("type", "string", f"one of {', '.join(TOUCH_TYPES)}, or a word for it",
                   words="touch_types"),
            _optional("customer_ref", "string", "who was reached"),
            _optional("device_ref", "string", "device or browser that was reached"),
            _optional("campaign_ref", "string", "campaign that it was part of"),
            _money("cost", "what the shop pays for it"),
            _optional("currency", "string", "ISO 4217 code; default: the mapping's"),
            _ARRIVED,
        ),
    ),
    Kind(
        name="exposures", silver="exposures", time="happened_at", key=("exposure_ref",),
        people=("customer_ref", "device_ref"), later=("clicked_at",),
        columns=(
            Column("exposure_ref", "string", "the shop's name for the exposure"),
            Column("happened_at", "timestamp", "when it was shown"),
            Column("slot", "string", "where it was shown, such as start or cart"),
            Column("rank", "bigint", "position within the slot; the first is 1"),
            Column("item_type", "string", "what it is: product, page, content and so on"),
            Column("item_ref", "string", "the item; of a product its product_ref"),
            _optional("customer_ref", "string", "to whom it was shown"),
            _optional("device_ref", "string", "device or browser that showed it"),
            _optional("model_version", "string", "version of the model that chose it"),
            Column("probability", "double", "propensity: how probable it was to be shown there",
                   unit="0 to 1", nullable=True),
            _optional("experiment", "string", "experiment that it was part of"),
            _optional("arm", "string", "arm of the experiment"),
            _optional("clicked_at", "timestamp", "when it was clicked; empty where it was not"),
            _ARRIVED,
        ),
    ),
)  # fmt: skip
KINDS = {kind.name: kind for kind in _KINDS}
