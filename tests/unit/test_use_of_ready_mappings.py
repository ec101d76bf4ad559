"""An export of a known system is recognised, whatever else it holds."""

import csv
import json
from pathlib import Path

import pytest

from clarion.config import Config
from clarion.kernel.errors import UsageError
from clarion.onboarding.new_shop import infer_mapping, start_shop
from clarion.onboarding.ready_mappings import READY_MAPPINGS, ready_mapping, use_ready_mapping

CONFIG = Config.load()
EXPORTS = Path(__file__).resolve().parents[1] / "exports"
FILES = {
    "orders_export_1.csv": "shopify_orders",
    "customers_export.csv": "shopify_customers",
    "orders-export-2026-05-01.csv": "woocommerce_orders",
    "magento_export.csv": "magento_orders",
    "ExportItemList202605.csv": "taobao_orders",
    "jd_orders_202605.csv": "jd_orders",
    "amazon_all_orders.txt": "amazon_orders",
    "events_20260302.json": "ga4_events",
    "ga4_purchases_202603.json": "ga4_purchases",
    "unified_payments.csv": "stripe_payments",
    "rates.csv": None,
}


def columns(file: str) -> list[str]:
    encoding = "gb18030" if FILES[file] in ("jd_orders", "taobao_orders") else "utf-8"  # fmt: skip
    text = (EXPORTS / file).read_text(encoding=encoding)
    if file.endswith(".json"):
        return list(dict.fromkeys(name for line in text.splitlines() for name in json.loads(line)))
    return next(csv.reader(text.splitlines(), delimiter="\t" if file.endswith(".txt") else ","))


@pytest.mark.parametrize(("file", "name"), FILES.items())
def test_an_export_is_recognised_by_its_columns(file: str, name: str | None) -> None:
    assert ready_mapping(CONFIG, columns(file)) == name


def test_every_ready_mapping_has_an_export() -> None:
    assert set(FILES.values()) == {*READY_MAPPINGS, None}


@pytest.mark.parametrize("file", ["orders_export_1.csv", "amazon_all_orders.txt"])
def test_infer_names_the_ready_mapping_first(file: str) -> None:
    proposal = infer_mapping(CONFIG, str(EXPORTS / file), kind="orders")
    assert f"clarion source use {FILES[file]} " in proposal.text().splitlines()[0]
    assert "this looks like" not in infer_mapping(CONFIG, str(EXPORTS / "rates.csv"), kind="rates").text()  # fmt: skip


def test_a_ready_mapping_is_copied_once_into_the_shop(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    with pytest.raises(UsageError, match="is no shop's configuration"):
        use_ready_mapping(CONFIG, "jd_orders", folder)
    start_shop(folder, name="s", time_zone="UTC", currency="EUR", scale={})
    file = use_ready_mapping(CONFIG, "jd_orders", folder)
    assert file.read_text("utf-8") == CONFIG.text("sources/jd_orders.yml")
    with pytest.raises(UsageError, match="exists"):
        use_ready_mapping(CONFIG, "jd_orders", folder)
    with pytest.raises(UsageError, match="no ready mapping 'etsy'"):
        use_ready_mapping(CONFIG, "etsy", folder)
