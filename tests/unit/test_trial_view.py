"""The table of `clarion source check` is readable on a narrow screen, and shows nobody."""

import io
from typing import Any

from rich.console import Console

from clarion.cli.views import trial_view
from clarion.config import Config
from clarion.declarations.shop import sources
from clarion.onboarding.trial import Trial

CONFIG = Config.load(overrides=("shop.sources=[shopify_orders]", "data=/data"))


def record(number: int, **values: Any) -> dict[str, Any]:
    (source,) = sources(CONFIG)
    blank = dict.fromkeys((*source.columns, "_repaired_ids"))
    return blank | {"_row": number, "_reasons": [], **values}


def shown(*rows: dict[str, Any]) -> str:
    (source,) = sources(CONFIG)
    refused = sum(bool(row["_reasons"]) for row in rows)
    trial = Trial(source, "/data/a.csv", 0, len(rows) - refused, refused, list(rows), [], [])  # type: ignore[arg-type]
    out = io.StringIO()
    Console(file=out, width=80).print(trial_view(trial, show=5))
    return out.getvalue()


def test_names_and_values_of_a_record_with_many_columns_are_whole() -> None:
    text = shown(record(1, order_ref="#3001", product_ref="CREAM-9", customer_ref=None))
    assert "…" not in text
    assert all(name in text for name in ("happened_at", "unit_price", "coupon_ref", "CREAM-9"))


def test_what_is_computed_from_a_sealed_column_is_shown_by_its_shape() -> None:
    reason = {"rule": "other_form", "column": "customer_ref", "sample": "ben@example.org"}
    text = shown(record(1, customer_ref="ada7@example.org"), record(2, _reasons=[reason]))
    assert "xxx0@xxxxxxx.xxx" in text
    assert "xxx@xxxxxxx.xxx" in text
    assert "example" not in text
