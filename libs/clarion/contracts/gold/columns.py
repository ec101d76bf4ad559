"""Columns that several tables of gold have."""

from clarion.contracts.core import Column
from clarion.contracts.sources import MONEY

# The length of the window is a setting; conf/base.yml has its default.
IN_WINDOW = "in the last profiles.window_days days"
AS_OF = Column("as_of", "date", "first day that does not count")
CUSTOMER = Column("customer_id", "string", "surrogate of the customer")
SEGMENT = Column(
    "segment_id", "string", "segment: keeps its id as long as later models find its group again"
)


def money(name: str, meaning: str, *, nullable: bool = False) -> Column:
    """A column with an amount in the shop's currency."""
    return Column(name, MONEY, meaning, unit="shop currency", nullable=nullable)


def share(name: str, meaning: str, *, nullable: bool = False) -> Column:
    """A column with a share or a probability."""
    return Column(name, "double", meaning, unit="0 to 1", nullable=nullable)


def days(name: str, meaning: str, *, nullable: bool = False) -> Column:
    """A column with a number of days."""
    return Column(name, "double", meaning, unit="days", nullable=nullable)


PROBABILITIES = "array<struct<action:string,probability:double>>"
