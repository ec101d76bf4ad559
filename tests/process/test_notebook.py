"""The tour runs from its first cell to its last, on a lake that the pipeline made."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from worlds import World

TOUR = Path(__file__).parents[2] / "notebooks" / "tour.ipynb"


@pytest.mark.process
def test_the_tour_runs_to_its_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLARION_LAKE", world.lake.root)
    notebook = nbformat.read(TOUR, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "the tour is kept without outputs"
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    results = [output for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == "execute_result"]
    tables = [output["data"]["text/html"] for output in results if "text/html" in output["data"]]
    assert len(tables) >= 6
    assert all("<td>" in table for table in tables)
