"""The notebooks run from their first cell to their last, on the demo's lake."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from turns import Turns

pytestmark = pytest.mark.deep  # JVMs of their own

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.mark.process
@pytest.mark.parametrize(("name", "shown"), [("tour", 6), ("segments", 7), ("prediction", 10)])
def test_a_notebook_runs_to_its_end(
    turns: Turns, monkeypatch: pytest.MonkeyPatch, name: str, shown: int
) -> None:
    monkeypatch.setenv("CLARION_LAKE", turns.lake.root)
    read: Any = nbformat.read
    notebook = read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), (
        "notebooks are kept without outputs"
    )
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    results = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "execute_result"
    ]
    tables = [output["data"]["text/html"] for output in results if "text/html" in output["data"]]
    assert len(tables) >= shown
    assert (
        len([table for table in tables if "<td>" in table]) >= shown - 1
    )  # on a lake's first day nothing has drifted


def test_every_notebook_is_run_by_a_test() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == {"tour", "segments", "prediction"}
