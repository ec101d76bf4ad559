"""What a source kind is, and the values that some of its columns may have."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

from clarion.contracts.core import Column

MONEY = "decimal(18,4)"
ROW_CURRENCY = "currency of the row"
EVENT_TYPES = (
    "view", "search", "click", "favourite", "cart_add", "cart_remove", "checkout",
    "payment_failed", "payment_given_up", "login", "review_view", "visit", "dwell", "trial",
    "arrival", "service", "live_view", "live_order", "share", "follow", "mention",
)  # fmt: skip
# Where customers visit and buy; a shop may have others.
CHANNELS = ("web", "app", "mini-program", "live-stream", "social", "store")
IN_STORE_EVENTS = ("visit", "dwell", "trial", "arrival", "service")
OrderState = Literal[
    "pending", "paid", "shipped", "completed", "cancelled", "failed", "refund_requested",
    "partly_refunded", "refunded", "returned",
]  # fmt: skip
ORDER_STATES: tuple[str, ...] = get_args(OrderState)
UNKNOWN_STATE = "unknown"  # of a word that nobody declared; of other vocabularies, too
# Columns of orders that are the same for every line of an order, and are no amounts.
ORDER_FIELDS = (
    "happened_at", "customer_ref", "member_ref", "coupon_ref", "currency", "channel", "store_ref",
    "status", "reason", "promised_at", "delivered_at", "arrived_at",
)  # fmt: skip
WITHDRAWING_RESPONSES = ("unsubscribed", "complained")
RESPONSE_TYPES = ("sent", "delivered", "bounced", "viewed", "clicked", *WITHDRAWING_RESPONSES)
TOUCH_TYPES = ("view", "click")

# What may be wrong with an id, and what to do about it.
IdFault = Literal["control_character", "rounded_id", "float_id", "damaged_id", "other_form"]
ID_FAULTS: dict[str, str] = {
    "control_character": (
        "an id holds an invisible character inside, such as a tab or a null byte; take it out "
        "where the id comes from, or by translate() in the mapping"
    ),
    "rounded_id": (
        "an id was rounded to a number such as 1.23457E+12, so that different ids look alike; "
        "format the column as text where it comes from, and export it again"
    ),
    "float_id": (
        "an id is a number with decimals, such as 17850.0; where it stands for a whole number, "
        "declare 'ids: {COLUMN: whole_number}' in the mapping"
    ),
    "damaged_id": (
        "a formula, an error, a month or separated thousands, such as =A1, #REF!, 4-Mar or 17,850, "
        "stand in place of an id; format the column as text where it comes from and export it "
        "again, or declare 'ids: {COLUMN: as_written}' where ids look like this"
    ),
    "other_form": "an id does not have the form that the mapping declares under 'ids'",
}


@dataclass(frozen=True, slots=True)
class Discount:
    """What the discount of an order line is, as the source states it.

    Args:
        of: an amount of the whole line or of each unit, or a share of the line in per cent.
        sign: whether what is taken off has a minus.
    """

    of: Literal["line", "unit", "percent"] = "line"
    sign: Literal["plus", "minus"] = "plus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A source kind.

    Args:
        name: its name in a mapping; bronze keeps one table for each.
        silver: short name of the silver table its accepted rows go to.
        time: the column that says when it happened.
        key: columns that name the fact within its source.
        columns: required ones are not nullable.
        people: columns by which the person could be found again.
        either: groups of columns of which a mapping gives at least one; the others follow.
        later: columns with times that come after the fact's own; on an as-of day before such a
            time it has not come yet.
    """

    name: str
    silver: str
    time: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    people: tuple[str, ...] = ("customer_ref",)
    either: tuple[tuple[str, ...], ...] = ()
    later: tuple[str, ...] = ()

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that every mapping must give."""
        return tuple(column.name for column in self.columns if not column.nullable)

    def required_of(self, mapped: Collection[str]) -> tuple[str, ...]:
        """Names of the columns without which a row is no fact.

        Args:
            mapped: columns that the mapping gives: of those that follow from each other the first
                one counts.
        """
        chosen = (
            next((name for name in group if name in mapped), group[0]) for group in self.either
        )
        return (*self.required, *chosen)

    def column(self, name: str) -> Column | None:
        """The column of that name; None where there is none."""
        return next((column for column in self.columns if column.name == name), None)
