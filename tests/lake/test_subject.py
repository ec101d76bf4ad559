"""A person is found under every account that any day has linked with the one named."""

from datetime import UTC, date, datetime

import pytest

from clarion.access.subject import find_subject, linked_accounts
from clarion.config import Config
from clarion.contracts.silver import IDENTITIES, RESOLUTIONS
from clarion.kernel.errors import UsageError
from clarion.lake import Lake
from clarion.lake.frames import rows_as_frame

MAY, JUNE, JULY = date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)


def _identity(ref: str) -> dict[str, object]:
    seen_at = datetime(2026, 1, 1, tzinfo=UTC)
    return {
        "namespace": "shop",
        "ref": ref,
        "customer_id": f"id-{ref}",
        "first_seen_at": seen_at,
    }


def _link(day: date, account: str, person: str, kind: str = "customer") -> dict[str, object]:
    return {
        "as_of": day,
        "kind": kind,
        "namespace": "" if kind == "customer" else "shop",
        "ref": account,
        "customer_id": person,
        "since": day,
    }


@pytest.fixture
def shop_config() -> Config:
    """A shop with one source, whose namespace the devices have."""
    source = ("shop.sources=[online_retail]", "shop.currency=GBP", "data=files")
    return Config.load(overrides=source)


@pytest.fixture
def shop(lake: Lake) -> Lake:
    """Anna's three accounts hang together by the links of two days; Ben's two are his own."""
    names = [_identity(ref) for ref in ("anna-1", "anna-2", "anna-3", "ben-1", "ben-2")]
    links = [
        _link(MAY, "id-anna-1", "id-anna-2"),
        _link(JUNE, "id-anna-2", "id-anna-3"),
        _link(JULY, "id-anna-2", "id-anna-3"),
        _link(JULY, "id-ben-1", "id-ben-2"),
        _link(JULY, "device-of-anna", "id-anna-3", kind="device"),
        _link(JULY, "device-of-ben", "id-ben-2", kind="device"),
    ]
    lake.append(IDENTITIES, rows_as_frame(lake.spark, IDENTITIES, names))
    lake.append(RESOLUTIONS, rows_as_frame(lake.spark, RESOLUTIONS, links))
    return lake


@pytest.mark.parametrize("named", ["anna-1", "id-anna-2", "anna-3"])
def test_a_chain_of_three_accounts_is_one_person(
    shop: Lake, shop_config: Config, named: str
) -> None:
    subject = find_subject(shop, shop_config, named)
    assert subject.accounts == {"id-anna-1", "id-anna-2", "id-anna-3"}
    assert subject.names == {
        ("ref:shop", "anna-1"),
        ("ref:shop", "anna-2"),
        ("ref:shop", "anna-3"),
        ("device:shop", "device-of-anna"),
    }
    assert subject.tokens == frozenset()


def test_an_account_that_was_never_linked_stands_alone(shop: Lake) -> None:
    assert linked_accounts(shop.read(RESOLUTIONS), {"id-carl"}) == {"id-carl"}


def test_a_name_that_nobody_has_is_refused(shop: Lake, config: Config) -> None:
    with pytest.raises(UsageError, match="no customer is known as 'id-carl'"):
        find_subject(shop, config, "id-carl")
