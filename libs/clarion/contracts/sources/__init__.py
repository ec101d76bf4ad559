"""Source kinds: the shapes in which a shop's raw data may come.

A mapping (conf/sources/*.yml) says for each of its kinds which files hold it and how each of the
kind's columns is computed from the source's own columns.
"""

from clarion.contracts.sources.core import (
    CHANNELS,
    EVENT_TYPES,
    ID_FAULTS,
    IN_STORE_EVENTS,
    MONEY,
    ORDER_FIELDS,
    ORDER_STATES,
    RESPONSE_TYPES,
    ROW_CURRENCY,
    TOUCH_TYPES,
    UNKNOWN_STATE,
    WITHDRAWING_RESPONSES,
    Discount,
    IdFault,
    Kind,
    OrderState,
)
from clarion.contracts.sources.kinds import KINDS

__all__ = [
    "CHANNELS",
    "EVENT_TYPES",
    "ID_FAULTS",
    "IN_STORE_EVENTS",
    "KINDS",
    "MONEY",
    "ORDER_FIELDS",
    "ORDER_STATES",
    "RESPONSE_TYPES",
    "ROW_CURRENCY",
    "TOUCH_TYPES",
    "UNKNOWN_STATE",
    "WITHDRAWING_RESPONSES",
    "Discount",
    "IdFault",
    "Kind",
    "OrderState",
]
