"""A new shop from one file: its configuration, a proposed mapping, a trial, and records that come back from quarantine."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from clarion.collect.sources.mapping_file import parse_mapping
from clarion.collect.sources.proposal import propose_mapping
from clarion.collect.sources.sample import sample_file
from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.contracts import TABLES
from clarion.kernel.errors import SourceError
from clarion.lake import Lake
from clarion.onboarding.new_shop import infer_mapping

Clarion = Callable[..., int]
ORDERS = "order id;Kunde;Bestelldatum;sku;qty;price;mail contact\n" + "".join(
    f"A{n};K{n % 4};{n % 28 + 1:02d}.03.2026;P{n % 3};{n % 2 + 1};{n},50 €;k{n % 4}@x.example\n"
    for n in range(40)
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "raw" / "orders.csv.gz"
    found.parent.mkdir()
    found.write_bytes(
        gzip.compress(
            ORDERS.encode("iso-8859-15")
            .replace(b"\xa4", "€".encode())
            .decode("utf-8", "replace")
            .encode()
        )
    )
    return found


def _new_shop(clarion: Clarion, file: Path, folder: Path) -> list[str]:
    """A shop whose mapping was proposed from one file, then corrected; flags of its commands."""
    conf, mapping = folder / "conf", folder / "conf" / "sources" / "shop.yml"
    assert clarion("init", str(conf), "--name", "Laden", "--time-zone", "Europe/Berlin") == 0
    assert clarion("init", str(conf)) == 2
    assert (
        clarion("source", "infer", str(file), "--conf-dir", str(conf), "--out", str(mapping)) == 0
    )
    text = mapping.read_text()
    proposed = yaml.safe_load(text)["orders"]
    assert proposed["options"] == {"header": True, "sep": ";"}
    assert proposed["time_zone"] == "Europe/Berlin"
    assert proposed["columns"]["unit_price"] == {"from": "price", "as": "price", "decimal": ","}
    assert proposed["personal"] == ["mail contact"]
    assert "look: happened_at: 'Bestelldatum' is the only column of times" in text
    assert "# tried: 40 of the first 40 records would be accepted" in text
    # The person corrects what could not be known: a German name, and the ground of consent.
    mended = text.replace(
        "  columns:\n",
        "  columns:\n    customer_ref: Kunde\n",
    )
    mapping.write_text(
        re.sub(r"basis: recorded", "basis: declared\n    purposes: [analytics]", mended)
    )
    (folder / "key").write_text("cd" * 32)
    settings = {
        "shop.sources": "[shop]",
        "data": str(file.parent),
        "privacy.key": f"file:{folder / 'key'}",
    }
    overrides = [flag for name, value in settings.items() for flag in ("--set", f"{name}={value}")]
    lake = str(folder / "lake")
    return ["--conf-dir", str(conf), *overrides, "--lake", lake, "--as-of", "2026-04-01"]


def test_a_mapping_is_proposed_from_one_file_and_tried_without_a_lake(
    clarion: Clarion, spark: object, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = _new_shop(clarion, file, tmp_path)
    rest = "K1;01.03.2026;P1;1;5,50 €;k@x.example\n"
    damaged = f'{ORDERS}="A40";{rest}1.23457E+12;{rest}'
    file.write_bytes(gzip.compress(damaged.encode()))
    capsys.readouterr()
    assert clarion("source", "check", "shop", *flags) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "41 accepted" in shown
    assert "1 rejected" in shown
    assert "x.example" not in shown
    assert "order_ref: 1 of 42 ids, first in record 41: what a table added" in shown
    assert "order_ref: 1 of 42 ids, first '0.00000x+00' in record 42: an id was rounded" in shown
    assert "ingest would refuse" not in shown
    without_key = flags.index(f"privacy.key=file:{tmp_path / 'key'}")
    assert clarion("source", "check", "shop", *flags[: without_key - 1]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "41 accepted" in shown
    assert "ingest would refuse it: " in shown
    assert "key" in shown.split("ingest would refuse it: ")[1]
    assert not (tmp_path / "lake").exists()


@pytest.mark.deep
def test_a_new_shop_goes_from_one_file_to_facts_without_python(
    clarion: Clarion, spark: object, file: Path, tmp_path: Path
) -> None:
    flags, lake = _new_shop(clarion, file, tmp_path), tmp_path / "lake"
    assert clarion("run", "all", "--to", "clean", *flags) == 0
    assert Lake(spark, str(lake)).read(TABLES["silver.order_lines"]).count() == 40  # type: ignore[arg-type]
    assert b"x.example" not in b"".join(
        path.read_bytes()
        for path in lake.rglob("*")
        if path.is_file() and "vault" not in path.parts
    )


@pytest.mark.parametrize(
    ("expression", "message", "fix"),
    [
        (
            "amout",
            "there is no column 'amout'; the columns are: day, amount",
            "did you mean 'amount'?",
        ),
        ("to_date(day)", "date cannot become decimal(18,4); day is string", "gives decimal(18,4)"),
        ("sum(amount)", "an aggregate over several rows", "the row's own columns"),
        ("year(make_date(2026, int(amount * 5), 1))", "MonthOfYear", "that gives null instead"),
    ],
)
def test_a_wrong_expression_is_named_with_its_column_and_the_fix(
    clarion: Clarion,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    expression: str,
    message: str,
    fix: str,
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("day,amount\n2026-01-01,5\n")
    (tmp_path / "conf" / "sources").mkdir(parents=True)
    (tmp_path / "conf" / "sources" / "shop.yml").write_text(
        "costs:\n  where: ${data}/in/*.csv\n  format: csv\n  options: {header: true}\n  time_zone: UTC\n"
        f'  columns: {{day: day, channel: "\'x\'", amount: "{expression}"}}\n'
    )
    flags = ["--conf-dir", str(tmp_path / "conf"), "--set", f"data={tmp_path}"]
    capsys.readouterr()
    assert clarion("source", "check", "shop", *flags) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "mapping shop.costs.amount: " in told
    assert expression in told
    assert message.lower() in told.lower()
    assert fix in told
    assert "Project [" not in told  # no plan


def _propose(path: Path, kind: str | None = None) -> tuple[dict[str, Any], str]:
    text = infer_mapping(Config.load(), str(path), kind=kind).text()
    return yaml.safe_load(text), text


def test_a_day_that_may_be_a_month_is_left_to_a_person(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "order id,date,sku,qty,price\n1,04/05/2026,p,1,2\n2,05/06/2026,q,1,2\n"
    )
    proposed, text = _propose(tmp_path / "a.csv", "orders")
    assert "happened_at" not in proposed["orders"]["columns"]
    assert "day and month cannot be told apart" in text
    (tmp_path / "a.csv").write_text(
        "order id,date,sku,qty,price\n1,04/05/2026,p,1,2\n2,25/06/2026,q,1,2\n"
    )
    proposed, _ = _propose(tmp_path / "a.csv", "orders")
    assert proposed["orders"]["columns"]["happened_at"]["formats"] == ["d/M/yyyy"]


@pytest.mark.parametrize(
    ("prices", "proposed", "note"),
    [
        (["10", "9,99", "12,50", "1.250"], {"from": "price", "as": "price", "decimal": ","}, ""),
        (["1,299.00", "5"], {"from": "price", "as": "price"}, ""),
        (["5", "7.25"], "price", ""),
        (["0.250", "1.500"], "price", ""),
        (["1.234.567", "5"], {"from": "price", "as": "price", "decimal": ","}, ""),
        (["9,99"] * 5 + ["12.50"], {"from": "price", "as": "price", "decimal": ","}, "1 of 6 values of price, such as '12.50'"),
        (["1.250", "2.000", "7"], None, "'1.250' in price do not tell"),
        (["1,250", "7"], None, "'1,250' in price do not tell"),
        (["9,99", "12.50"], None, "'12.50', '9,99' in price do not tell"),
    ],
)  # fmt: skip
def test_a_decimal_sign_is_proposed_only_where_the_sample_decides_it(
    tmp_path: Path, prices: list[str], proposed: Any, note: str
) -> None:
    lines = "".join(f"{n};2026-05-01;p;1;{price}\n" for n, price in enumerate(prices))
    (tmp_path / "a.csv").write_text("order id;date;sku;qty;price\n" + lines)
    written, text = _propose(tmp_path / "a.csv", "orders")
    assert written["orders"]["columns"].get("unit_price") == proposed
    assert note in text
    assert note or "look: unit_price" not in text


@pytest.mark.parametrize(
    ("times", "proposed"),
    [
        (["1777678200", "1777764600"], "timestamp_seconds(cast(date as bigint))"),
        (["1777678200.5", "1777764600"], "timestamp_seconds(cast(date as decimal(18,6)))"),
        (["1777678200123"], "timestamp_millis(cast(date as bigint))"),
        (["2026-05-01 23:30:00+02", "2026-05-02 01:30:00"], "date"),
        (["2026-05-01T23:30:00.123Z"], "date"),
    ],
)
def test_a_time_that_states_its_zone_is_proposed_as_an_instant(
    tmp_path: Path, times: list[str], proposed: str
) -> None:
    lines = "".join(f"{n},{time},p,1,2\n" for n, time in enumerate(times))
    (tmp_path / "a.csv").write_text("order id,date,sku,qty,price\n" + lines)
    written, _ = _propose(tmp_path / "a.csv", "orders")
    assert written["orders"]["columns"]["happened_at"] == proposed


def test_columns_with_names_of_sql_are_quoted_where_an_expression_would_be_refused(
    tmp_path: Path,
) -> None:
    """What is proposed for a file is valid, whatever its columns are called."""
    (tmp_path / "a.csv").write_text("select,from,over\n2026-03-04,web,1200\n2026-03-05,app,900\n")
    sample = sample_file(str(tmp_path / "a.csv"))
    words = {"costs": {"day": ["select"], "channel": ["from"], "amount": ["over"]}}
    text = propose_mapping("a.csv", sample, words, kind="costs", time_zone="UTC").text()
    assert yaml.safe_load(text)["costs"]["columns"] == {
        "day": {"from": "`select`", "as": "date", "formats": ["yyyy-MM-dd"]},
        "channel": "`from`",
        "amount": "`over`",
    }
    assert parse_mapping(
        "m", parse_yaml(text, where="m"), variables={"data": "/d", "currency": "CNY"}
    )


def test_chinese_names_in_gb18030_are_recognised(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(
        "订单号,下单时间,商品编号,数量,单价,手机号\n1,2026年3月5日,p1,2,￥１２,13912345678\n".encode(
            "gb18030"
        )
    )
    proposed, text = _propose(tmp_path / "a.csv")
    body = proposed["orders"]
    assert body["options"]["encoding"] == "GB18030"
    assert body["columns"]["happened_at"] == {
        "from": "`下单时间`",
        "as": "date",
        "formats": ["yyyy年M月d日"],
    }
    assert body["personal"] == ["手机号"]
    assert parse_mapping(
        "m", parse_yaml(text, where="m"), variables={"data": "/d", "currency": "CNY"}
    )


def test_json_and_parquet_are_sampled_too(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text(
        '{"event_id": "1", "event_time": "2026-01-01 10:00:00", "event_type": "view", "user_id": "u", "product_id": "p"}\n'
        * 3
    )
    proposed, _ = _propose(tmp_path / "e.json")
    assert set(proposed["events"]["columns"]) >= {
        "event_ref",
        "happened_at",
        "type",
        "customer_ref",
        "product_ref",
    }
    pq.write_table(
        pa.table(
            {"sku": ["a", "b"], "title": ["x", "y"], "brand": ["m", "m"], "price": [1.5, 2.5]}
        ),
        tmp_path / "p.parquet",
    )
    proposed, _ = _propose(tmp_path / "p.parquet")
    assert proposed["products"]["format"] == "parquet"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("1,2\n3,4\n", "names no columns"),
        ("foo,bar\nx,y\n", "resemble no source kind"),
        ("a,b\n", "holds no records"),
    ],
)
def test_a_file_without_columns_or_records_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(SourceError, match=message):
        _propose(tmp_path / "a.csv")


@pytest.mark.real_data
def test_real_files_are_recognised(real_data: Path, tmp_path: Path) -> None:
    proposed, _ = _propose(sorted((real_data / "online_retail").glob("*.csv"))[0])
    assert set(proposed["orders"]["columns"]) >= {
        "order_ref",
        "happened_at",
        "product_ref",
        "quantity",
        "unit_price",
        "customer_ref",
    }
    proposed, text = _propose(sorted((real_data / "rees46").glob("*.csv*"))[0])
    assert set(proposed["events"]["columns"]) >= {
        "happened_at",
        "type",
        "product_ref",
        "customer_ref",
    }
    assert "event_ref: required" in text


@pytest.mark.deep  # a drill
def test_corrected_records_leave_the_quarantine_and_their_history_stays(
    clarion: Clarion, spark: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text(
        "day,channel,amount\n2026-01-01,search,5\n2026-01-02,search,secret 7 EUR\n2026-01-03,,5\n"
    )
    (tmp_path / "conf" / "sources").mkdir(parents=True)
    mapping = tmp_path / "conf" / "sources" / "shop.yml"
    text = "costs:\n  where: ${data}/in/*.csv\n  format: csv\n  options: {header: true}\n  time_zone: UTC\n  columns: {day: day, channel: channel, amount: AMOUNT}\n"
    mapping.write_text(text.replace("AMOUNT", "amount"))
    flags = [
        "--conf-dir",
        str(tmp_path / "conf"),
        "--set",
        "shop.sources=[shop]",
        "--set",
        f"data={tmp_path}",
        "--lake",
        str(tmp_path / "lake"),
        "--as-of",
        "2026-02-01",
    ]
    assert clarion("run", "all", "--to", "clean", *flags) == 0
    capsys.readouterr()
    assert clarion("quarantine", "list", *flags) == 0
    shown = capsys.readouterr().out
    assert "unreadable" in shown
    assert "missing" in shown
    assert clarion("quarantine", "sample", "--rule", "unreadable", *flags) == 0
    shown = capsys.readouterr().out
    assert "xxxxxx 0 xxx" in shown
    assert "secret" not in shown
    corrected = """{from: "replace(amount, 'secret', '')", as: price}"""
    mapping.write_text(text.replace("AMOUNT", corrected))
    assert clarion("quarantine", "replay", *flags) == 0
    assert "2 before, 1 now" in capsys.readouterr().out
    lake = Lake(spark, str(tmp_path / "lake"))  # type: ignore[arg-type]
    assert [
        float(row["amount"])
        for row in lake.read(TABLES["silver.costs"]).orderBy("amount").collect()
    ] == [5.0, 7.0]
    (left,) = lake.read(TABLES["ops.replays"]).collect()
    assert (left["_row"], left["reasons"][0]["rule"]) == (2, "unreadable")
    counts = [
        row["failed"]
        for row in lake.read(TABLES["ops.quality"]).where("rule = 'unreadable'").collect()
    ]
    assert counts == [1]
    assert clarion("quarantine", "sample", "--rule", "unreadable", *flags) == 2
