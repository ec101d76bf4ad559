"""A bad file and an unwanted run are undone, with nothing lost and nothing doubled."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from frames import first_row
from lake_rows import append_rows
from worlds import Desk, contents

from clarion.governance.undo import undo
from clarion.kernel.errors import UsageError

pytestmark = pytest.mark.deep  # a drill

DAY = date(2026, 3, 1)
MAPPINGS: dict[str, dict[str, Any]] = {
    "tills": {
        "orders": {
            "where": "${data}/orders/*.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "currency": "CNY", "duplicates": "drop",
            "consent": {"basis": "declared", "purposes": ["analytics"], "note": "test"},
            "columns": {"order_ref": "receipt", "happened_at": "at", "product_ref": "sku", "quantity": "1", "unit_price": "price", "customer_ref": "who"},
        }
    }
}  # fmt: skip


def deliver(folder: Path, name: str, *rows: str) -> None:
    (folder / "orders").mkdir(exist_ok=True)
    (folder / "orders" / name).write_text(
        "receipt,at,price,who,sku\n" + "".join(f"{row}\n" for row in rows)
    )


def _last(desk: Desk, job: str) -> str:
    return str(
        first_row(
            desk.read("ops.runs").where(f"job = '{job}'").orderBy("started_at", ascending=False)
        )["run_id"]
    )


def prices(desk: Desk) -> dict[str, float]:
    return {
        row["order_id"]: float(row["unit_price"])
        for row in desk.read("silver.order_lines").collect()
    }


@pytest.mark.covers("Q9")
def test_a_bad_file_is_undone_and_the_corrected_one_is_taken(
    desk: Callable[..., Desk], tmp_path: Path
) -> None:
    good, late = "T1,2026-02-01 10:00:00,30.00,C1,P1", "T2,2026-02-02 10:00:00,5.00,C2,P1"
    deliver(tmp_path, "1.csv", good)
    shop = desk(MAPPINGS)
    shop.run("ingest", "clean", "profiles")
    before = contents(shop.lake)

    # Prices a hundredfold, a record that another file has too, and one that is refused.
    deliver(tmp_path, "2.csv", late.replace("5.00", "500.00"), good, "T3,bad,5.00,C3,P1")
    shop.run("ingest", "clean")
    assert prices(shop) == {"T1": 30.0, "T2": 500.0}
    undone = undo(shop.lake, shop.config, _last(shop, "ingest")[:12], say=shop.said.append)
    assert (undone.job, undone.tables) == ("ingest", ("bronze.orders",))
    shop.run("clean")
    after = contents(shop.lake)
    names = [name for name in before if name != "silver.identities"]  # a name once entered stays
    assert {name: after[name] for name in names} == {name: before[name] for name in names}

    # The bad file lies there still and is not taken again; the mended one is, under the same name.
    shop.run("ingest", "clean")
    assert prices(shop) == {"T1": 30.0}
    deliver(tmp_path, "2.csv", late, good)
    shop.run("ingest", "clean", "profiles")
    assert prices(shop) == {"T1": 30.0, "T2": 5.0}
    batches = first_row(
        shop.read("ops.batches").selectExpr(
            "sum(rows_in) AS i",
            "sum(accepted) AS a",
            "sum(quarantined) AS q",
            "sum(duplicates) AS d",
        )
    )
    assert tuple(batches) == (3, 2, 0, 1)
    with pytest.raises(UsageError, match="undone before"):
        undo(
            shop.lake,
            shop.config,
            next(
                row["params"].split('"')[3]
                for row in shop.read("ops.runs").where("job = 'undo'").collect()
            ),
            say=shop.said.append,
        )

    # A job's tables become what they were before its run, unless something was written since.
    first = contents(shop.lake)
    shop.run("profiles", as_of=DAY + timedelta(days=300))
    latest = _last(shop, "profiles")
    earlier = first_row(shop.read("ops.runs").where("job = 'profiles'").orderBy("started_at"))[
        "run_id"
    ]
    with pytest.raises(UsageError, match="was written again since"):
        undo(shop.lake, shop.config, earlier, say=shop.said.append)
    assert (
        "gold.customer_profiles"
        in undo(shop.lake, shop.config, latest, say=shop.said.append).tables
    )
    # The second day was the first from which customers could have gone anywhere: that table stays, without a row.
    assert contents(shop.lake) == first | {
        "gold.life_cycle_flows": (0, 0), "live.requests": (0, 0),
    }  # fmt: skip


def test_what_cannot_be_undone_says_why(desk: Callable[..., Desk]) -> None:
    shop = desk({})
    with pytest.raises(UsageError, match="no run begins with 'zz'"):
        undo(shop.lake, shop.config, "zz", say=shop.said.append)
    shop.run("rotate")
    with pytest.raises(UsageError, match="a run of rotate cannot be undone"):
        undo(shop.lake, shop.config, _last(shop, "rotate"), say=shop.said.append)


def test_only_the_requests_that_a_run_found_are_taken_out(desk: Callable[..., Desk]) -> None:
    here = desk(MAPPINGS)
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    run = {"run_id": "of_the_day", "job": "profiles", "as_of": DAY, "params": "{}", "state": "done"}
    append_rows(
        here.lake,
        "ops.runs",
        {
            **run, "started_at": noon, "ended_at": noon + timedelta(minutes=2),
            "rows_written": {"live.requests": 1},
        },
    )  # fmt: skip
    # Of another kind, of an earlier run, and of a later one.
    for name, kind, minutes in (
        ("own", "dormancy", 1), ("cart", "abandoned_cart", 1), ("entry", "group_entry", 1),
        ("before", "dormancy", -9), ("after", "dormancy", 9),
    ):  # fmt: skip
        found_at = noon + timedelta(minutes=minutes)
        append_rows(
            here.lake, "live.requests", {"request_id": name, "kind": kind, "_found_at": found_at}
        )
    append_rows(here.lake, "ops.erasures")
    assert undo(here.lake, here.config, "of_the_day", say=here.said.append).job == "profiles"
    left = {row["request_id"] for row in here.read("live.requests").collect()}
    assert left == {"cart", "entry", "before", "after"}
