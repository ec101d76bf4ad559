"""Records as a simulated shop delivered them, and the rows of silver that came of them.

Both are read without Spark and without the product's code, so that a test compares row by row.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from deltalake import DeltaTable

from clarion.contracts import TABLES

if TYPE_CHECKING:
    Column = pd.Series[Any]
else:
    Column = pd.Series

RECORD = ["_file", "_row"]  # names a record, and the row that came of it


@dataclass(frozen=True, slots=True)
class Delivery:
    """A kind of records and the table that holds their rows.

    Args:
        sources: mapping and source kind of each folder.
        table: short name of the silver table.
        columns: columns that are compared, as the table calls them.
        people: those of them that name a customer.
        renamed: what the records call a column, where that is another word.
    """

    sources: dict[str, str]
    table: str
    columns: tuple[str, ...]
    people: tuple[str, ...] = ("customer_id",)
    renamed: dict[str, str] = field(default_factory=dict)


_NAMES = {
    "customer_id": "customer_ref", "product_id": "product_ref", "order_id": "order_ref",
    "from_id": "from_ref", "to_id": "to_ref",
}  # fmt: skip
WEB_SHOP = {
    "registrations": Delivery({"registrations": "sim.registrations"}, "customers",
        ("customer_id", "registered_at", "region", "channel")),
    "consents": Delivery({"consents": "sim.consents"}, "consents",
        ("customer_id", "purpose", "channel", "granted", "at")),
    "products": Delivery({"products": "sim.products"}, "products",
        ("product_id", "title", "description", "brand", "category_path", "list_price", "cost",
         "stock", "currency", "language"), people=()),
    "orders": Delivery({"orders": "sim.orders", "live_orders": "sim_live.orders"}, "order_lines",
        ("order_id", "line_no", "happened_at", "customer_id", "product_id", "quantity",
         "unit_price", "discount", "amount", "kind", "coupon_ref", "currency", "channel",
         "delivered_at")),
    "events": Delivery({"events": "sim.events", "live_events": "sim_live.events"}, "events",
        ("event_ref", "happened_at", "type", "customer_id", "device_ref", "product_id", "query",
         "dwell_ms", "channel", "session_ref", "sequence_no", "device_sequence_no")),
    "market": Delivery({"market": "sim.market", "live_market": "sim_live.market"},
        "market_prices", ("competitor", "title", "price", "observed_at", "product_id",
        "promotion", "currency"), people=()),
    "reviews": Delivery({"reviews": "sim.reviews"}, "reviews",
        ("review_ref", "product_id", "happened_at", "customer_id", "rating", "text")),
    "traits": Delivery({"traits": "sim.traits"}, "traits",
        ("customer_id", "name", "value", "at", "method")),
    "ties": Delivery({"ties": "sim.ties"}, "ties", ("from_id", "to_id", "kind", "at"),
        people=("from_id", "to_id")),
    "costs": Delivery({"costs": "sim.costs"}, "costs", ("day", "channel", "amount", "note"),
        people=()),
    "touches": Delivery({"touches": "sim.touches"}, "touches",
        ("touch_ref", "happened_at", "customer_id", "channel", "campaign_ref", "type", "cost",
         "currency")),
    "exposures": Delivery({"exposures": "sim.exposures"}, "exposures",
        ("exposure_ref", "happened_at", "customer_id", "slot", "rank", "item_type", "item_ref",
         "model_version", "probability", "experiment", "arm", "clicked_at")),
}  # fmt: skip
_EVENT = ("event_ref", "happened_at", "type", "customer_id", "device_ref", "product_id", "dwell_ms",
          "page", "channel", "session_ref", "sequence_no")  # fmt: skip
_LINE = ("order_id", "happened_at", "customer_id", "product_id", "quantity", "unit_price", "amount",
         "kind", "store_ref", "channel")  # fmt: skip
BESIDE_THE_WEB_SHOP = {
    "store_events": Delivery({"store_events": "sim_store.events.store"}, "events",
        (*_EVENT, "store_ref", "signal")),
    "app_events": Delivery({"app_events": "sim_store.events.app"}, "events", (*_EVENT, "category")),
    "tills": Delivery({"tills": "sim_store.orders.tills"}, "order_lines", _LINE),
    "returns": Delivery({"returns": "sim_store.orders.returns"}, "order_lines", (*_LINE, "reason")),
    "surveys": Delivery({"surveys": "sim_store.traits"}, "traits",
        ("customer_id", "name", "value", "at", "source"),
        renamed={"name": "question", "value": "answer", "source": "survey"}),
    "coupons": Delivery({"coupons": "sim_store.redemptions"}, "redemptions",
        ("customer_id", "coupon_ref", "order_id", "happened_at", "campaign_ref")),
    "contacts": Delivery({"contacts": "sim_store.contacts"}, "service_contacts",
        ("contact_ref", "happened_at", "customer_id", "topic", "channel", "satisfaction",
         "resolved_at")),
    "stock": Delivery({"stock": "sim_store.stock"}, "stock",
        ("product_id", "at", "stock", "price"), people=()),
    "promotions": Delivery({"promotions": "sim_store.promotions"}, "market_promotions",
        ("competitor", "name", "starts_at", "ends_at", "discount_share", "condition"), people=()),
    "rates": Delivery({"rates": "sim_store.rates"}, "rates", ("currency", "at", "rate"),
        people=()),
}  # fmt: skip


def record_files(folder: Path) -> list[Path]:
    """The files of a kind that hold records, in order; manifests hold none."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if path.suffix != ".manifest")


def delivered_records(inbox: Path, delivery: Delivery) -> pd.DataFrame:
    """Every record of a kind: file, number, the compared columns (people by the shop's names)."""
    frames = [
        _read_file(file).assign(_file=str(file), _row=lambda frame: range(1, len(frame) + 1))
        for folder in delivery.sources
        for file in record_files(inbox / folder)
    ]
    return as_rows(pd.concat(frames, ignore_index=True), delivery)


def as_rows(records: pd.DataFrame, delivery: Delivery) -> pd.DataFrame:
    """Records with the columns of the table's rows, file and number where they have them."""
    if delivery.table == "order_lines" and "amount" not in records:
        records = _with_line_values(records)
    names = _NAMES | delivery.renamed
    stated = {column: records.get(names.get(column, column)) for column in delivery.columns}
    if (channel := stated.get("channel")) is not None:  # the shop writes mini_program
        stated["channel"] = channel.str.replace("_", "-", regex=False)
    place = [column for column in RECORD if column in records]
    return pd.concat([records[place], _comparable(stated, delivery, records.index)], axis=1)


def silver_rows(lake: str, delivery: Delivery, *, namespace: str = "sim") -> pd.DataFrame:
    """Every row of a kind: file, number, the compared columns (people by the shop's names)."""
    rows = table_rows(lake, f"silver.{delivery.table}")
    rows = rows[rows["_source"].isin(delivery.sources.values())].reset_index(drop=True)
    identities = table_rows(lake, "silver.identities").query("namespace == @namespace")
    known = dict(zip(identities["customer_id"], identities["ref"], strict=True))
    stated: dict[str, Column | None] = {
        column: rows[column].map(known) if column in delivery.people else rows[column]
        for column in delivery.columns
    }
    return pd.concat([rows[RECORD], _comparable(stated, delivery, rows.index)], axis=1)


def table_rows(lake: str, name: str) -> pd.DataFrame:
    """All rows of a table, read without Spark."""
    layer, short = name.split(".")
    frame = DeltaTable(f"{lake}/{layer}/{short}").to_pyarrow_dataset().to_table().to_pandas()
    assert isinstance(frame, pd.DataFrame)
    return frame


def unequal(rows: pd.DataFrame, others: pd.DataFrame, key: Iterable[str]) -> pd.DataFrame:
    """For each row the columns that differ from those of the row with the same key.

    Returns:
        One column for each compared one: whether it differs. Rows without a counterpart differ in
        all. The index is that of `rows`.
    """
    keys = list(key)
    assert not others.duplicated(keys).any(), "two rows have one key"
    values = [column for column in rows if column not in {*keys, *RECORD}]
    counterpart = rows[keys].merge(others, on=keys, how="left", indicator="_found")
    found = (counterpart["_found"] == "both").to_numpy()
    differs = {}
    for column in values:
        own, other = rows[column].to_numpy(object), counterpart[column].to_numpy(object)
        both_missing = pd.isna(own) & pd.isna(other)
        differs[column] = ~((own == other) | both_missing) | ~found
    return pd.DataFrame(differs, index=rows.index)


def _read_file(file: Path) -> pd.DataFrame:
    if file.suffix == ".parquet":
        return pd.read_parquet(file)
    if file.suffix == ".json":
        return pd.DataFrame([json.loads(line) for line in file.read_text("utf-8").splitlines()])
    # Numbers stay text until they are compared.
    return pd.read_csv(file, dtype=str, keep_default_na=False, na_values=[""])


def _with_line_values(records: pd.DataFrame) -> pd.DataFrame:
    """Orders with what the shop means by a line: its kind, and what was paid for it."""
    quantity = pd.to_numeric(records["quantity"])
    discount = pd.to_numeric(records["discount"]) if "discount" in records else 0.0
    paid = quantity.abs() * pd.to_numeric(records["unit_price"]) - discount
    kind = quantity.lt(0).map({True: "return", False: "sale"})
    return records.assign(quantity=quantity.abs(), amount=paid, kind=kind)


def _comparable(
    columns: dict[str, Column | None], delivery: Delivery, index: pd.Index
) -> pd.DataFrame:
    types = {column.name: column.type for column in TABLES[f"silver.{delivery.table}"].columns}
    return pd.DataFrame(
        {
            name: pd.Series(None, index=index, dtype=object)
            if values is None
            else _plain(values, types[name])
            for name, values in columns.items()
        },
        index=index,
    )


def _plain(values: Column, type_: str) -> Column:
    """Times as text, numbers as numbers of four digits, all else as text; None for no value."""
    plain: Column
    if type_ == "timestamp":
        times = pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601")
        plain = times.dt.strftime("%Y-%m-%d %H:%M:%S")
    elif type_ in ("bigint", "int", "double") or type_.startswith("decimal"):
        plain = pd.Series(pd.to_numeric(values, errors="coerce"), index=values.index)
        plain = plain.astype("float64").round(4)
    elif type_ == "boolean":
        plain = values.map(lambda value: str(value).lower())
    else:
        plain = values
    return only_where(plain, plain.notna())


def only_where(values: Column, holds: Column) -> Column:
    """Values where a condition holds; else None."""
    chosen = [value if true else None for value, true in zip(values, holds, strict=True)]
    return pd.Series(chosen, index=values.index, dtype=object)
