"""Orders in a file without names of columns: what their values alone say."""

from collections.abc import Mapping

from clarion.collect.sources.inference.facts import Column
from clarion.collect.sources.inference.matching import Match
from clarion.collect.sources.inference.orders import arrange_orders

_NOTE = "'{}' is taken by its values alone, as no line names the columns"


def match_by_values(columns: Mapping[str, Column]) -> dict[str, Match]:
    """Customer, time, units and money where only one column may be each; else nothing.

    A customer repeats; units are small whole numbers; money has fractions; one column is a time.

    Args:
        columns: of the file.
    """
    times = [name for name, column in columns.items() if column.dates.is_time]
    money = [
        name
        for name, column in columns.items()
        if name not in times and column.is_number and not column.is_whole
    ]
    units = [name for name, column in columns.items() if name not in times and column.counts_units]
    others = [name for name in columns if name not in (*times, *money, *units)]
    customers = [name for name in others if 0 < columns[name].distinct_share < 1]
    found = {
        "happened_at": times,
        "amount": money,
        "quantity": units,
        "customer_ref": customers,
    }
    if any(len(names) != 1 for names in found.values()):
        return {}
    matches = {name: Match(names[0], 0.0, _NOTE.format(names[0])) for name, names in found.items()}
    return arrange_orders(columns, matches)
