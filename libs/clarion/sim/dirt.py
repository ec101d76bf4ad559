"""Damage to records that is added on purpose, and counted."""

import numpy as np
import pandas as pd

from clarion.sim.clock import as_text
from clarion.sim.shop import Dirt

# Each kind of damage with the column that it damages.
_DAMAGED_COLUMN = {
    "duplicates": "happened_at",
    "bad_dates": "happened_at",
    "negative_prices": "unit_price",
    "unknown_products": "product_ref",
    "missing_ids": "customer_ref",
}


def damage_records(records: pd.DataFrame, dirt: Dirt) -> tuple[pd.DataFrame, dict[str, int]]:
    """Records, some of them damaged, and the number of records with each kind of damage.

    A record has one kind of damage at most. A kind whose column the records lack, or whose value
    is missing in a record, does not occur.

    Args:
        records: clean records, with an instant in `happened_at`, and in `_dirt` a number in
            (0, 1) that decides on the damage; 1 for a record that stays as it is.
        dirt: share of each kind.
    """
    drawn = records["_dirt"].to_numpy()
    damage = np.full(len(records), "", dtype=object)
    low = 0.0
    for name, column in _DAMAGED_COLUMN.items():
        if column in records:
            high = low + getattr(dirt, name)
            applies = (drawn >= low) & (drawn < high) & records[column].notna().to_numpy()
            damage[applies] = name
            low = high
    damaged = _damaged(records.drop(columns="_dirt"), damage)
    counts = {name: int((damage == name).sum()) for name in _DAMAGED_COLUMN}
    copies = np.where(damage == "duplicates", 2, 1)
    return damaged.loc[damaged.index.repeat(copies)], {
        name: count for name, count in counts.items() if count
    }


def _damaged(records: pd.DataFrame, damage: np.ndarray) -> pd.DataFrame:  # type: ignore[type-arg]
    records = records.reset_index(drop=True)
    at = as_text(records["happened_at"].to_numpy())
    texts = pd.Series(at, dtype=object)
    is_bad = damage == "bad_dates"
    texts[is_bad] = [f"2026-13-{text[8:]}" for text in at[is_bad]]
    values: dict[str, pd.Series] = {"happened_at": texts}
    if "unit_price" in records:
        price = records["unit_price"]
        values["unit_price"] = price.where(damage != "negative_prices", -price)
    if "product_ref" in records:
        product = records["product_ref"]
        values["product_ref"] = product.where(damage != "unknown_products", "X" + product)
    if "customer_ref" in records:
        values["customer_ref"] = records["customer_ref"].mask(damage == "missing_ids")
    return records.assign(**values)
