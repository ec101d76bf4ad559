"""The drill of the runbook: the lake is lost, the copy of yesterday comes back to another place, and work goes on."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from test_undo import MAPPINGS, deliver, prices
from worlds import Desk, contents

from clarion.lake import Lake

pytestmark = pytest.mark.deep  # a drill


@pytest.mark.covers("Q9")
def test_a_lake_that_was_lost_goes_on_from_its_backup(
    desk: Callable[..., Desk], tmp_path: Path
) -> None:
    deliver(tmp_path, "1.csv", "T1,2026-02-01 10:00:00,30.00,C1,P1")
    shop = desk(MAPPINGS)
    shop.run("ingest", "clean")
    before = contents(shop.lake)
    shutil.copytree(tmp_path / "lake", tmp_path / "backup")

    deliver(tmp_path, "2.csv", "T2,2026-02-02 10:00:00,5.00,C2,P1")
    shop.run("ingest", "clean")
    shutil.rmtree(tmp_path / "lake")
    shutil.copytree(tmp_path / "backup", tmp_path / "elsewhere")
    shop.lake = Lake(shop.lake.spark, str(tmp_path / "elsewhere"))
    assert contents(shop.lake) == before

    # What came after the copy is taken again, what was in it is not.
    shop.run("ingest", "clean")
    assert prices(shop) == {"T1": 30.0, "T2": 5.0}
    assert shop.read("ops.files").where("state = 'taken'").count() == 2
