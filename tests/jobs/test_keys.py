"""Keys, rotation and erasure, from the command's or the job's end to the bytes of the lake."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from frames import first_row
from pyspark.sql import functions as F
from worlds import Desk

from clarion.collect.privacy.keys import Key
from clarion.collect.privacy.tokens import token_of, unseal
from clarion.kernel.errors import SecretError

pytestmark = pytest.mark.deep  # a drill

_HEAD = "ref,at,tel,mail,name,street\n"
MAPPINGS: dict[str, dict[str, Any]] = {
    "shop": {
        "registrations": {
            "where": "${data}/people/*.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "duplicates": "drop",
            "consent": {"basis": "declared", "purposes": ["analytics", "marketing"], "note": "test"},
            "columns": {
                "customer_ref": "ref", "registered_at": "at", "phone": {"from": "tel", "as": "phone", "country": "CN"}, "mail": "mail", "name": "name",
                "address": "street",
            },
        }
    }
}  # fmt: skip
ANNA = "A1,2026-01-05 10:00:00,139-0000-0001,Anna@x.example,Anna Miller,1 Long Street\n"
BEN = "A2,2026-01-06 10:00:00,13900000002,ben@x.example,Ben Rossi,1 Long Street\n"


def _deliver(folder: Path, name: str, text: str) -> None:
    (folder / "people").mkdir(exist_ok=True)
    (folder / "people" / name).write_text(_HEAD + text, encoding="utf-8")


def _opened(desk: Desk, key: Key) -> dict[tuple[str, str], str]:
    """Every value of the vault, opened with a key."""
    rows = desk.read("vault.personal_data").collect()
    assert {row["key_id"] for row in rows} == {key.key_id}
    return {
        (row["field"], row["token"]): unseal(bytes(row["sealed"]), token=row["token"], key=key)
        for row in rows
    }


def _new_key(desk: Desk, **settings: str) -> None:
    (desk.folder / "key2").write_text("cd" * 32)
    desk.settings |= {
        "privacy.key": f"file:{desk.folder / 'key2'}",
        "privacy.key_id": "k2",
        "privacy.retired": f"{{k1: 'file:{desk.folder / 'key'}'}}",
        **settings,
    }
    desk.map("shop", MAPPINGS["shop"])


@pytest.fixture
def shop(desk: Callable[..., Desk], tmp_path: Path) -> Desk:
    _deliver(tmp_path, "1.csv", ANNA + BEN)
    shop = desk(MAPPINGS)
    shop.run("ingest", "clean")
    return shop


@pytest.mark.covers("Q8")
def test_sealed_values_open_unchanged_and_another_key_of_that_name_is_refused(
    shop: Desk, tmp_path: Path
) -> None:
    values = _opened(shop, Key.derive("ab" * 32, key_id="k1"))
    by_field: dict[str, set[str]] = {}
    for (field, _), value in values.items():
        by_field.setdefault(field, set()).add(value)
    assert by_field["phone"] == {"+8613900000001", "+8613900000002"}
    assert by_field["source:tel"] == {"139-0000-0001", "13900000002"}
    assert by_field["source:street"] == {"1 Long Street"}
    _deliver(tmp_path, "2.csv", "A3,2026-01-07 10:00:00,13900000003,,Eva,\n")
    (shop.folder / "key").write_text("ef" * 32)
    before = shop.read("bronze.registrations").count()
    with pytest.raises(SecretError, match="'k1' is not the one with which this lake was sealed"):
        shop.run("ingest")
    assert shop.read("bronze.registrations").count() == before


@pytest.mark.covers("Q8")
def test_keys_rotate_and_no_surrogate_changes(shop: Desk, tmp_path: Path) -> None:
    ids = sorted(map(str, shop.read("silver.identities").collect()))
    _new_key(shop)
    shop.run("rotate")
    new = Key.derive("cd" * 32, key_id="k2")
    assert {value for (field, _), value in _opened(shop, new).items() if field == "phone"} == {
        "+8613900000001",
        "+8613900000002",
    }
    anna = first_row(
        shop.read("silver.customers").where("registered_at = TIMESTAMP'2026-01-05 10:00:00'")
    )
    assert anna["phone"] == token_of("+8613900000001", field="phone", key=new)
    assert anna["name"] == token_of("MILLER, Anna", field="name", key=new)
    old_tokens = (
        shop.read("bronze.registrations")
        .where(F.exists(F.map_values("raw"), lambda value: value.startswith("k1.")))
        .count()
    )
    assert old_tokens == 0
    assert sorted(map(str, shop.read("silver.identities").collect())) == ids
    assert {(row["key_id"], row["retired"]) for row in shop.read("vault.keys").collect()} == {
        ("k1", True),
        ("k2", False),
    }
    # A record that came before and comes again is a duplicate of itself, whatever the key was then.
    _deliver(tmp_path, "2.csv", ANNA + "A3,2026-01-07 10:00:00,13900000003,,Eva,\n")
    shop.run("ingest", "clean")
    assert first_row(shop.read("ops.batches").agg(F.sum("duplicates"), F.sum("accepted")))[:] == (
        1,
        3,
    )
    shop.run("rotate")
    assert any("everything is sealed with k2" in line for line in shop.said)


@pytest.mark.covers("Q8")
def test_an_interrupted_rotation_is_continued(shop: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from clarion.lake import Lake

    _new_key(shop)
    merge = Lake.merge

    def merge_until_power_cut(lake: Lake, table: Any, *rest: Any, **how: Any) -> int:
        rows = merge(lake, table, *rest, **how)
        if table.name == "bronze.registrations":
            raise RuntimeError("power cut")
        return rows

    monkeypatch.setattr(Lake, "merge", merge_until_power_cut)
    with pytest.raises(RuntimeError, match="power cut"):
        shop.run("rotate")
    monkeypatch.undo()
    shop.run("rotate")
    new = Key.derive("cd" * 32, key_id="k2")
    assert len(_opened(shop, new)) == shop.read("vault.personal_data").count()
    anna = first_row(
        shop.read("silver.customers").where("registered_at = TIMESTAMP'2026-01-05 10:00:00'")
    )
    assert anna["mail"] == token_of("anna@x.example", field="mail", key=new)
    assert (
        shop.read("bronze.registrations")
        .where(F.exists(F.map_values("raw"), lambda value: value.startswith("k1.")))
        .isEmpty()
    )


@pytest.mark.covers("Q8")
@pytest.mark.parametrize("retired", ["{}", "{k1: 'file:WRONG'}"])
def test_a_rotation_without_the_old_key_changes_nothing_and_says_so(
    shop: Desk, retired: str
) -> None:
    (shop.folder / "wrong").write_text("99" * 32)
    _new_key(shop, **{"privacy.retired": retired.replace("WRONG", str(shop.folder / "wrong"))})
    before = {
        name: sorted(map(str, shop.read(name).collect()))
        for name in ("vault.personal_data", "bronze.registrations", "silver.customers")
    }
    with pytest.raises(SecretError, match="k1"):
        shop.run("rotate")
    assert {name: sorted(map(str, shop.read(name).collect())) for name in before} == before
