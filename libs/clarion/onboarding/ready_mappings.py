"""Packaged mappings of the exports that shop systems and payment services write."""

import re
from collections.abc import Collection
from pathlib import Path
from types import MappingProxyType

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.kernel.errors import UsageError

READY_MAPPINGS = MappingProxyType(
    {
        "shopify_orders": "orders of Shopify",
        "shopify_customers": "customers of Shopify",
        "woocommerce_orders": "orders of WooCommerce",
        "magento_orders": "orders of Magento",
        "taobao_orders": "orders of Taobao or Tmall",
        "jd_orders": "orders of JD",
        "amazon_orders": "orders of Amazon",
        "ga4_events": "events of Google Analytics 4",
        "ga4_purchases": "purchases of Google Analytics 4",
        "stripe_payments": "payments of Stripe",
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
    sizes: dict[str, int] = {}
    for name in READY_MAPPINGS:
        content = parse_yaml(config.text(f"sources/{name}.yml"), where=f"sources/{name}.yml")
        needed: set[str] = set()
        for body in content.values():
            quoted = _QUOTED.findall(str(body["columns"]))
            needed.update(set(quoted) - set(body.get("optional", ())))
        if needed <= set(columns):
            sizes[name] = len(needed)
    return max(sizes, key=lambda name: sizes[name], default=None)


def ready_note(config: Config, columns: Collection[str]) -> list[str]:
    """What to tell a person whose file a ready mapping reads; nothing for any other file."""
    name = ready_mapping(config, columns)
    if name is None:
        return []
    return [
        f"this looks like an export of {READY_MAPPINGS[name]}: there is a ready mapping, "
        f"conf/sources/{name}.yml; 'clarion source use {name} --conf-dir DIR' copies it"
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
