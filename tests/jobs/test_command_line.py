"""What a user may do wrong: a message with what was found and how to fix it, and exit code 2."""

from collections.abc import Callable
from pathlib import Path

import pytest

HEADER = "order,when,who,product,quantity,price\n"
ROW = "o{0},2026-05-0{0} 10:00:00,c{0},p1,2,3.50\n"
MAPPING = """
orders:
  where: ${{data}}/*.csv
  format: csv
  options: {{header: true}}
  time_zone: UTC
  currency: EUR
  consent: {{basis: declared, purposes: [analytics, marketing], note: test}}
  columns: {{order_ref: order, happened_at: when, customer_ref: {who}, product_ref: product, quantity: quantity, unit_price: price}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Callable[..., list[str]]:
    """A shop of one's own: a folder of CSV files, a mapping, and no Python."""

    def make(*, who: str = "who", content: bytes | None = None) -> list[str]:
        (tmp_path / "conf" / "sources").mkdir(parents=True)
        (tmp_path / "conf" / "sources" / "mine.yml").write_text(MAPPING.format(who=who))
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "a.csv").write_bytes(
            content if content is not None else (HEADER + ROW.format(1) + ROW.format(2)).encode()
        )
        return [
            "--conf-dir", str(tmp_path / "conf"), "--set", "shop.sources=[mine]", "--set", f"data={tmp_path / 'data'}",
            "--lake", str(tmp_path / "lake"), "--as-of", "2026-06-01", "--quiet",
        ]  # fmt: skip

    return make


def _refused(capsys: pytest.CaptureFixture[str], code: int) -> str:
    message = capsys.readouterr().err
    assert code == 2, message
    assert "Traceback" not in message
    assert "fix:" in message
    return message


@pytest.mark.deep
def test_a_shop_of_ones_own_needs_one_file_and_no_python(
    clarion: Callable[..., int], shop: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    flags = shop()
    assert (
        clarion(
            "config", "check", *[flag for flag in flags if flag not in ("--as-of", "2026-06-01")]
        )
        == 0
    )
    assert clarion("run", "ingest", *flags) == 0
    assert clarion("run", "clean", *flags) == 0
    capsys.readouterr()
    assert (
        clarion(
            "query",
            "select count(*) n, sum(amount) total from silver.order_lines",
            "--format",
            "csv",
            *flags,
        )
        == 0
    )
    assert capsys.readouterr().out.splitlines() == ["n,total", "2,14.0000"]

    assert clarion("runs", *flags) == 0
    said = capsys.readouterr().out
    assert said.index(" clean ") < said.index(" ingest ")
    assert said.count("done ") == 2
    assert "unknown" not in said
    assert max(map(len, said.splitlines())) <= 80
    assert clarion("runs", "--job", "clear", *flags) == 2
    assert "clean, ingest" in _refused(capsys, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"who": "customer"}, "customer"),
        ({"content": b""}, "is empty"),
        ({"content": (HEADER + ROW.format(1) + "o2,2026-05").encode()}, "cannot be parsed"),
        (
            {"content": (HEADER + "o1,2026-05-01 10:00:00,M\xfcller,p1,2,3\n").encode("latin-1")},
            "not UTF-8",
        ),
    ],
)
def test_a_wrong_file_or_mapping_is_refused_before_anything_is_written(
    clarion: Callable[..., int],
    shop: Callable[..., list[str]],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    change: dict[str, object],
    message: str,
) -> None:
    told = _refused(capsys, clarion("run", "ingest", *shop(**change)))
    assert message in told
    assert "found:" in told
    assert not (tmp_path / "lake" / "bronze").exists()
    assert not (tmp_path / "lake" / "ops" / "files").exists()


def test_a_missing_folder_is_named(
    clarion: Callable[..., int],
    shop: Callable[..., list[str]],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    flags = [f"data={tmp_path}/nowhere" if flag.startswith("data=") else flag for flag in shop()]
    assert "does not exist" in _refused(capsys, clarion("run", "ingest", *flags))


def test_a_lake_below_a_file_is_refused(
    clarion: Callable[..., int],
    shop: Callable[..., list[str]],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("x")
    flags = [f"{tmp_path}/file/lake" if flag == str(tmp_path / "lake") else flag for flag in shop()]
    assert "cannot be used" in _refused(capsys, clarion("run", "ingest", *flags))


def test_a_demo_refuses_a_folder_that_no_demo_made(
    clarion: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "precious").write_text("x")
    assert "no demo mark" in _refused(capsys, clarion("demo", "--lake", str(tmp_path)))
    assert (tmp_path / "precious").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "segmnt"), "did you mean 'segment'"),
        (("run", "segment", "--as-of", "2026-13-01"), "is not a day"),
        (("run", "segment", "--set", "segment.k_mx=2"), "did you mean 'segment.k_max'"),
        (("run", "segment", "--env", "moon"), "unknown environment"),
        (("tables", "gold.nothing"), "there is no table"),
        (("tables", "decisions"), "did you mean 'gold.decisions'"),
        (("frobnicate",), "frobnicate"),
        (("--lake", "x", "run", "all"), "options follow the command"),
        (("run", "segment", "--from", "clean"), "clarion run all --from clean --to segment"),
        (("demo", "--turns", "9"), "not in the range 1<=x<=6"),
        (("demo", "--shop", "toys", "--lake", "nowhere/demo"), "there is no shops/toys.yml"),
        (("query", "select 1", "--lake", "nowhere"), "there is no lake in nowhere"),
        (("customer", "anna", "--lake", "nowhere"), "there is no lake in nowhere"),
        (("audience", "true", "--lake", "nowhere"), "there is no lake in nowhere"),
        (("quarantine", "list", "--lake", "nowhere"), "there is no lake in nowhere"),
        (("undo", "abc", "--lake", "nowhere"), "there is no lake in nowhere"),
        (("erase", "anna", "--lake", "nowhere"), "there is no lake in nowhere"),
    ],
)
def test_a_wrong_command_says_what_to_do(
    clarion: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    assert message in _refused(capsys, clarion(*arguments))


def test_a_mistyped_folder_is_not_made_by_a_query_of_an_encrypted_lake(
    clarion: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "master").write_text("cd" * 32)
    key = ("--set", f"encryption.key=file:{tmp_path / 'master'}")
    lake = tmp_path / "typo"
    message = _refused(capsys, clarion("query", "select 1", "--lake", str(lake), *key))
    assert f"there is no lake in {lake}" in message
    assert not lake.exists()


def test_a_query_of_a_table_without_its_layer_is_told_the_whole_name(
    clarion: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    message = _refused(capsys, clarion("query", "select * from decisions", "--lake", str(tmp_path)))
    assert "did you mean 'gold.decisions'?" in message


@pytest.mark.parametrize(
    "sql",
    [
        "drop table gold.decisions",
        "select * from vault.personal_data",
        "delete from gold.decisions",
        "select * from delta.`/x`",
    ],
)
def test_a_query_is_one_select_over_tables_that_are_open(
    clarion: Callable[..., int],
    spark: object,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    sql: str,
) -> None:
    _refused(capsys, clarion("query", sql, "--lake", str(tmp_path)))


def test_what_there_is_can_be_listed(
    clarion: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (
        ("jobs",),
        ("plan",),
        ("tables",),
        ("tables", "gold.decisions"),
        ("config", "show"),
        ("--help",),
    ):
        assert clarion(*command) == 0
    assert "strategy" in capsys.readouterr().out


def test_the_doctor_finds_a_missing_java_and_a_lake_that_is_a_file(
    clarion: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    assert clarion("doctor", "--lake", str(tmp_path / "lake")) == 0
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    (tmp_path / "file").write_text("x")
    told = _refused(capsys, clarion("doctor", "--lake", str(tmp_path / "file")))
    assert "openjdk-17" in told
    assert "is a file" in told


@pytest.mark.parametrize(("number", "good"), [("11.0.2", False), ("17.0.15", True), ("25", False)])
def test_the_doctor_knows_which_java_starts_spark(
    clarion: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    number: str,
    good: bool,
) -> None:
    (tmp_path / "bin").mkdir()
    java = tmp_path / "bin" / "java"
    java.write_text(
        f"#!/bin/sh\necho 'openjdk version \"{number}\"' >&2\necho jdk.incubator.vector@17\n"
    )
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert clarion("doctor", "--lake", str(tmp_path / "lake")) == (0 if good else 2)
