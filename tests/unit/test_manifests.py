"""Which file a manifest speaks of, and what it declares that never came."""

from pathlib import Path

import pytest

from clarion.collect.sources.manifests import DeclaredFiles, declared_files
from clarion.collect.sources.mapping_file import parse_mapping
from clarion.kernel.errors import SourceError


def _declared(inbox: Path, manifests: dict[str, str], *, pattern: str) -> DeclaredFiles:
    """What these manifests (path, lines) declare of a source below `inbox/orders`."""
    (inbox / "orders").mkdir()
    for path, lines in manifests.items():
        (inbox / path).parent.mkdir(parents=True, exist_ok=True)
        (inbox / path).write_text(f"file,records\n{lines}\n")
    body = {
        "costs": {
            "where": f"{inbox}/orders/*.csv", "manifest": f"{inbox}/{pattern}", "format": "csv", "time_zone": "UTC",
            "currency": "EUR", "columns": {"day": "day", "channel": "channel", "amount": "amount"},
        }
    }  # fmt: skip
    (source,) = parse_mapping("shop", body, variables={})
    return declared_files(source)


# Manifests, their pattern, files with the records declared of them, and what is declared besides.
CASES: dict[str, tuple[dict[str, str], str, dict[str, int | None], list[str]]] = {
    "a folder a day, with files of one name": (
        {"orders/05-01/m.manifest": "a.csv,10", "orders/05-02/m.manifest": "a.csv,20"},
        "orders/*.manifest",
        {"orders/05-01/a.csv": 10, "orders/05-02/a.csv": 20, "orders/05-03/a.csv": None},
        [],
    ),
    "one manifest of all, which names folders": (
        {"orders.manifest": "05-01/a.csv,10\n05-02/a.csv,20"},
        "*.manifest",
        {"orders/05-01/a.csv": 10, "orders/05-02/a.csv": 20, "orders/05-03/a.csv": None},
        [],
    ),
    "one manifest of all, which names no folders": (
        {"m/orders.manifest": "a.csv,10\nb.csv,20"},
        "m/*.manifest",
        {"orders/05-01/a.csv": 10, "orders/05-02/b.csv": 20, "orders/c.csv": None},
        [],
    ),
    "paths of the machine that sent them": (
        {"orders/m.manifest": "/exports/2026/a.csv,10\ns3://out/2026/b.csv,20"},
        "orders/*.manifest",
        {"orders/a.csv": 10, "orders/b.csv": 20},
        [],
    ),
    "such paths of files of one name": (
        {"orders/m.manifest": "/exports/05-01/a.csv,10\n/exports/05-02/a.csv,20"},
        "orders/*.manifest",
        {"orders/x/a.csv": None},
        ["/exports/05-01/a.csv", "/exports/05-02/a.csv"],
    ),
    "the manifest that is nearest": (
        {"all.manifest": "a.csv,1", "orders/x/m.manifest": "a.csv,2"},
        "*.manifest",
        {"orders/x/a.csv": 2, "orders/y/a.csv": 1},
        [],
    ),
    "the later of two manifests": (
        {"orders/1.manifest": "a.csv,1", "orders/2.manifest": "a.csv,2"},
        "orders/*.manifest",
        {"orders/a.csv": 2},
        [],
    ),
    "a whole name, not its end": (
        {"orders/m.manifest": "a.csv,1"},
        "orders/*.manifest",
        {"orders/aa.csv": None},
        ["a.csv"],
    ),
    "what never came": (
        {"orders/05-01/m.manifest": "a.csv,1\nb.csv,2", "orders/05-02/m.manifest": "a.csv,3"},
        "orders/*.manifest",
        {"orders/05-01/a.csv": 1},
        ["orders/05-01/b.csv", "orders/05-02/a.csv"],
    ),
}


@pytest.mark.covers("C7")
@pytest.mark.parametrize("case", CASES)
def test_a_manifest_speaks_of_the_files_of_its_folder(case: str, tmp_path: Path) -> None:
    manifests, pattern, files, besides = CASES[case]
    declared = _declared(tmp_path, manifests, pattern=pattern)
    paths = {path: str(tmp_path / path) for path in files}
    assert {path: declared.records_of(whole) for path, whole in paths.items()} == files
    missing = [entry.path for entry in declared.not_among(paths.values())]
    assert [path.removeprefix(f"{tmp_path}/") for path in missing] == besides


def test_lines_of_json_are_a_manifest_and_other_columns_are_none(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text('{"file": "a.csv", "records": 7}\n')
    assert _declared(tmp_path, {}, pattern="m.json").records_of(f"{tmp_path}/orders/a.csv") == 7
    (tmp_path / "m.json").write_text('{"file": "a.csv"}\n')
    (tmp_path / "orders").rmdir()
    with pytest.raises(SourceError, match=r"m\.json is no manifest"):
        _declared(tmp_path, {}, pattern="m.json")
