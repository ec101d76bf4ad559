"""Packaged mappings of the exports that shop systems and payment services write."""

import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from types import MappingProxyType

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.kernel.errors import UsageError

READY_MAPPINGS = MappingProxyType(
    {
        "shopify_orders": "Shopify: orders",
        "shopify_customers": "Shopify: customers",
        "woocommerce_orders": "WooCommerce: orders",
        "magento_orders": "Magento: orders",
        "taobao_orders": "Taobao and Tmall: lines of orders",
        "jd_orders": "JD: lines of orders",
        "amazon_orders": "Amazon: all orders",
        "ga4_events": "Google Analytics 4: events",
        "ga4_purchases": "Google Analytics 4: purchases",
        "stripe_payments": "Stripe: payments",
    }
)
_QUOTED = re.compile(r"`([^`]+)`")


def ready_mapping(config: Config, columns: Collection[str]) -> str | None:
    """The name of the ready mapping whose columns a file has; None where it has those of none.

    A ready mapping quotes each of its source's columns. Those that are not optional decide; of
    several mappings the one with the most.

    Args:
        config: the shop's configuration.
        columns: the columns of the file.
    """
    fitting = {
        name: needed for name, needed in _needed_columns(config).items() if needed <= set(columns)
    }
    return max(fitting, key=lambda name: len(fitting[name]), default=None)


@cache
def _needed_columns(config: Config) -> dict[str, set[str]]:
    """The columns without which a file is no export of a ready mapping, by its name."""
    needed: dict[str, set[str]] = {}
    for name in READY_MAPPINGS:
        file = f"sources/{name}.yml"
        for body in parse_yaml(config.text(file), where=file).values():
            quoted = set(_QUOTED.findall(str(body["columns"])))
            needed.setdefault(name, set()).update(quoted - set(body.get("optional", ())))
    return needed


def ready_note(config: Config, columns: Collection[str]) -> list[str]:
    """What to tell a person whose file a ready mapping reads; nothing for any other file."""
    name = ready_mapping(config, columns)
    if name is None:
        return []
    return [
        f"this looks like an export of {READY_MAPPINGS[name]}, of which a mapping is ready: "
        f"clarion source use {name} --conf-dir FOLDER (of the shop's settings, by 'clarion init')"
    ]


def use_ready_mapping(config: Config, name: str, folder: Path) -> Path:
    """Copy a ready mapping into a shop's configuration, for a person to correct.

    Args:
        config: the configuration that has it.
        name: its name.
        folder: folder of the shop's own configuration.

    Returns:
        The file that was written.

    Raises:
        UsageError: there is no such mapping, the shop has one of that name, or no folder.
    """
    if name not in READY_MAPPINGS:
        raise UsageError(
            f"there is no ready mapping '{name}'",
            found=", ".join(READY_MAPPINGS),
            fix="name one of these, or write one: clarion source infer FILE",
        )
    file = folder / "sources" / f"{name}.yml"
    if file.exists():
        raise UsageError(f"{file} exists", fix="correct it, or remove it first")
    if not file.parent.is_dir():
        raise UsageError(
            f"{folder} is no shop's configuration",
            found=f"no folder {file.parent}",
            fix=f"clarion init {folder}",
        )
    file.write_text(config.text(f"sources/{name}.yml"), encoding="utf-8")
    return file
