"""What infer concludes from names and values: kinds, encodings, lines, dates, personal data."""

import gzip
from pathlib import Path
from typing import Any

import pytest
import yaml

from clarion.collect.sources.inference.dates import read_dates
from clarion.collect.sources.inference.encodings import find_encoding
from clarion.collect.sources.inference.facts import describe_columns
from clarion.collect.sources.inference.layout import find_layout
from clarion.collect.sources.inference.matching import Match, score
from clarion.collect.sources.inference.personal import personal_data
from clarion.collect.sources.mapping_file import parse_mapping
from clarion.config import Config
from clarion.contracts.sources import KINDS
from clarion.declarations.shop import parse_sources
from clarion.kernel.errors import ConfigError, SourceError
from clarion.onboarding.new_shop import infer_mapping

NAMES = "order_id,order_date,sku,qty,price,customer_id\n"
LINES = [f"R{n},2026-05-{n % 28 + 1:02d},A{n % 3},1,{n}.50,C{n % 4}\n" for n in range(30)]


def propose(folder: Path, content: str | bytes, name: str = "a.csv") -> tuple[Any, list[str]]:
    """The body that is proposed for a file, and its notes."""
    raw = content if isinstance(content, bytes) else content.encode()
    (folder / name).write_bytes(raw)
    proposal = infer_mapping(Config.load(), str(folder / name), kind=None)
    assert yaml.safe_load(proposal.text()) == {proposal.kind: proposal.body}
    return proposal.body | {"kind": proposal.kind}, proposal.notes


def grocery(*, sum_of_line: bool) -> str:
    lines = ["TRANSACTION_DT,CUSTOMER_ID,AGE_GROUP,PIN_CODE,PRODUCT_ID,AMOUNT,ASSET,SALES_PRICE\n"]
    for n in range(90):
        units, price = (1, 1, 2, 3)[n % 4], 20 + n % 7
        paid = price * units if sum_of_line else price
        code = f"47102{n % 7:08d}"
        lines.append(
            f"11/{n % 28 + 1}/2000,{n % 9:08d},25-29,115,{code},{units},{paid - 9},{paid}\n"
        )
    return "".join(lines)


@pytest.mark.parametrize("sum_of_line", [True, False])
def test_repeated_customers_with_products_and_prices_are_orders(
    tmp_path: Path, sum_of_line: bool
) -> None:
    body, notes = propose(tmp_path, grocery(sum_of_line=sum_of_line))
    assert body["kind"] == "orders"
    columns = body["columns"]
    assert columns["quantity"] == "AMOUNT"
    assert columns["customer_ref"] == "CUSTOMER_ID"
    assert columns["product_ref"] == "PRODUCT_ID"
    assert columns["happened_at"]["formats"] == ["M/d/yyyy"]
    assert columns["order_ref"] == "concat(CUSTOMER_ID, ' ', TRANSACTION_DT)"
    assert columns["amount" if sum_of_line else "unit_price"] == "SALES_PRICE"
    assert "personal" not in body
    about = {note.split(":")[0] for note in notes}
    assert {"order_ref", "quantity", "amount" if sum_of_line else "unit_price"} <= about


def test_a_list_in_which_customers_do_not_repeat_is_one_of_registrations(tmp_path: Path) -> None:
    lines = "".join(f"c{n},2026-05-{n + 1:02d},f,Bath\n" for n in range(20))
    body, _ = propose(tmp_path, "customer id,signup date,sex,city\n" + lines)
    assert body["kind"] == "registrations"


def test_a_list_of_customers_who_repeat_is_less_of_a_list() -> None:
    kind, matches = KINDS["registrations"], {"customer_ref": Match("c", 1.0)}
    of_all = describe_columns({"c": ["a", "b", "c", "d"]}, (), ())
    of_few = describe_columns({"c": ["a", "a", "a", "b"]}, (), ())
    assert score(kind, matches, of_all) - score(kind, matches, of_few) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("name", "values", "what"),
    [
        ("barcode", ["4710265849066", "4710063312168"], None),
        ("receipt", ["20001101123456789", "20001101123456790"], None),
        ("sku", ["84712345678", "84712345679"], None),
        ("isbn", ["978-3-16-148410-0"], None),
        ("day", ["2026-05-01", "2026-05-02"], None),
        ("contact", ["+49 171 1234567", "+44 20 7946 0958"], "phone"),
        ("contact", ["(030) 123 45 67", "030 1234567"], "phone"),
        ("contact", ["13912345678", "18612345678"], "phone"),
        ("mobile", ["01712345678", "01723456789"], "phone"),
        ("who", ["11010519491231002X"], "id_number"),
        ("serial", ["123456789012345678"], None),
        ("who", ["ada@example.org", "ben@example.org", "none"], None),
        ("who", ["ada@example.org", "ben@example.org"] * 2 + ["none"], "mail"),
    ],
)
def test_a_number_is_no_telephone_number_because_it_is_long(
    name: str, values: list[str], what: str | None
) -> None:
    (column,) = describe_columns({name: values}, (), ()).values()
    assert personal_data(column, ["mobile", "phone"], mapped_as=None) == what


@pytest.mark.parametrize(
    ("text", "codec", "name"),
    [
        ("order;Mütze;Müller", "latin-1", "ISO-8859-1"),
        ("1;12,50 €;René", "cp1252", "windows-1252"),
        ("1;12,50 €;René", "iso-8859-15", "ISO-8859-15"),
        ("订单号,下单时间,数量", "gb18030", "GB18030"),
        ("1,深圳市南山区;2,上海市徐汇区", "gb18030", "GB18030"),
        ("订单号,Mütze", "utf-8", "UTF-8"),
        ("a\tb\nü\t1\n", "utf-16", "UTF-16"),
        ("order\tdate\nü\t1\n", "utf-16-be", "UTF-16BE"),
        ("order,date", "ascii", "UTF-8"),
        ("Å bestille smørbrød på Ærø", "latin-1", "ISO-8859-1"),
    ],
)
def test_an_encoding_is_one_that_the_text_speaks_for(text: str, codec: str, name: str) -> None:
    assert find_encoding(text.encode(codec)).name == name


def test_an_encoding_that_is_not_sure_is_doubted_and_one_damaged_line_decides_nothing() -> None:
    cyrillic = find_encoding("Привет,заказ,товар".encode("cp1251"))
    assert "neither is sure" in cyrillic.note
    lines = ["Mütze".encode()] * 9 + [b"M\xfctze"]
    damaged = find_encoding(b"\n".join(lines))
    assert damaged.name == "UTF-8"
    assert "line 10 is not UTF-8" in damaged.note


@pytest.mark.parametrize(
    ("texts", "patterns"),
    [
        (["2026/5/1 9:05:07", "2026/11/2 0:00:59"], ("yyyy/M/d H:mm:ss",)),
        (["5/1/2026 9:05 PM", "5/13/2026 10:00 am"], ("M/d/yyyy h:mm a",)),
        (["13.05.26", "01.06.26"], ("d.M.yy",)),
        (["01-May-26", "13-Jun-26"], ("d-MMM-yy",)),
        (["1 September 2026"], ("d MMMM yyyy",)),
        (["2026年5月1日"], ("yyyy年M月d日",)),
        (["20260501", "20261231"], ("yyyyMMdd",)),
        (["2026-05-01 10:00:00.123"], ("yyyy-MM-dd HH:mm:ss.SSSSSSSSS",)),
        (["2026-05-01", "13.5.2026", "1.6.2026", "2026-05-02"], ("yyyy-MM-dd", "d.M.yyyy")),
        (["2026-05-01"] * 9 + ["soon"], ("yyyy-MM-dd",)),
        (["1/2/2026", "13/2/2026", "14/2/2026"], ("d/M/yyyy",)),
        (["4710265849066"] * 3, ()),
        (["31.02.2026"] * 3, ()),
    ],
)
def test_dates_are_read_by_the_patterns_that_their_texts_decide(
    texts: list[str], patterns: tuple[str, ...]
) -> None:
    form = read_dates(texts)
    assert form.patterns == patterns
    assert form.is_time == bool(patterns)


def test_a_day_that_may_be_a_month_is_asked_also_where_the_texts_contradict_each_other() -> None:
    assert read_dates(["4/5/2026", "5/6/2026"]).order == ("d/M/yyyy", "M/d/yyyy")
    assert read_dates(["13/5/2026", "1/2/2026", "5/13/2026"]).order == ("d/M/yyyy", "M/d/yyyy")


@pytest.mark.parametrize(
    ("content", "layout", "options"),
    [
        ("sep=;\n" + NAMES.replace(",", ";") + LINES[0].replace(",", ";"), {"lines_before": 1}, {"sep": ";"}),
        ("Report\n\nmade,today\n" + NAMES + "".join(LINES), {"lines_before": 2}, {}),
        ("Report,,,,,\n" + NAMES + "".join(LINES), {"lines_before": 1}, {}),
        (NAMES + "".join(LINES) + "\n30 records\n", {"skip": "trim(order_id) RLIKE '^[0-9.,:/-]+\\\\ records$'"}, {}),
        (NAMES + LINES[0] + NAMES + LINES[1], {"skip": "order_id = 'order_id'"}, {}),
        (NAMES + "".join(line.replace("\n", ",\n") for line in LINES), {"trailing_separator": True}, {}),
        ((NAMES + "".join(LINES)).replace("\n", "\r"), None, {}),
        ((NAMES + "".join(LINES)).replace(",", "   "), None, {"sep": "\\s+"}),
        (NAMES + "".join(line.replace(",A", ',"A\n') .replace(",1,", '",1,') for line in LINES), None, {"escape": '"', "multiLine": True}),
        (NAMES + "".join(line.replace(",A", ',"A\\"x, ').replace(",1,", '",1,') for line in LINES), None, {"escape": "\\"}),
        (NAMES + "".join(line.replace(",A", ',"A 60\\').replace(",1,", '",1,', 1) for line in LINES), None, {"escape": '"'}),
        (NAMES + "".join(line.replace(",A", ",'A, x").replace(",1,", "',1,", 1) for line in LINES), None, {"quote": "'", "escape": "'"}),
    ],
)  # fmt: skip
def test_lines_that_are_no_records_and_cells_that_hold_anything_are_told(
    tmp_path: Path, content: str, layout: dict[str, Any] | None, options: dict[str, Any]
) -> None:
    body, notes = propose(tmp_path, content)
    assert body["options"] == {"header": True} | options
    assert body.get("layout") == layout
    assert "malformed" not in body
    assert set(body["columns"]) >= {"order_ref", "happened_at", "unit_price", "customer_ref"}
    assert not layout or any(note.startswith("layout:") for note in notes)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(content.encode()))
    assert (
        infer_mapping(Config.load(), str(tmp_path / "a.csv.gz"), kind=None).body["options"]
        == (body["options"])
    )


def test_one_odd_value_or_line_never_decides_and_is_named_with_its_line(tmp_path: Path) -> None:
    odd = "R90,tomorrow,A1,two,cheap,C1\n"
    long = "R91,2026-05-01,A1,1,5.00,C1,more\n"
    body, notes = propose(tmp_path, NAMES + "".join(LINES[:9]) + odd + long + "".join(LINES[9:]))
    assert body["malformed"] == "quarantine"
    assert body["columns"]["unit_price"] == "price"
    text = "\n".join(notes)
    for column, shape in (
        ("happened_at", "xxxxxxxx"),
        ("quantity", "xxx"),
        ("unit_price", "xxxxx"),
    ):
        assert f"{column}: '{shape}' in line 11 cannot be read as the others" in text
    assert "tomorrow" not in text
    assert "malformed: line 12 is not 6 cells as the others" in text


def test_dates_are_looked_for_beyond_the_beginning_of_a_long_file(tmp_path: Path) -> None:
    note = "x" * 90
    first = "".join(f"{note},R{n},5/1/2026,A{n % 9},1,2.50,C1\n" for n in range(20_000))
    last = f"{note},R,5/31/2026,A,1,2.50,C1\n" * 90
    body, _ = propose(tmp_path, f"note,{NAMES}{first}{last}")
    assert body["columns"]["happened_at"]["formats"] == ["M/d/yyyy"]
    assert "malformed" not in body  # no part is cut within a line


def test_a_file_without_names_is_read_by_its_values_or_asked(tmp_path: Path) -> None:
    lines = "".join(
        f" {n % 9 + 700:05d} 199701{n % 28 + 1:02d}  {n % 3 + 1}  {n}.77\n" for n in range(40)
    )
    body, notes = propose(tmp_path, lines)
    assert body["options"] == {"sep": "\\s+"}
    assert body["columns"]["customer_ref"] == "_c0"
    assert body["columns"]["happened_at"] == {"from": "_c1", "as": "date", "formats": ["yyyyMMdd"]}
    assert sum("by its values alone" in note for note in notes) == 4
    assert "product_ref: required, and no column was found for it" in notes


def test_a_pattern_takes_only_the_files_that_fit(tmp_path: Path) -> None:
    content = NAMES + "".join(LINES)
    (tmp_path / "orders_2026-04.csv").write_text(content)
    body, _ = propose(tmp_path, content, "orders_2026-05.csv")
    assert body["where"] == "${data}/*.csv"
    (tmp_path / "products.csv").write_text("sku,title\nA,B\n")
    body, notes = propose(tmp_path, content, "orders_2026-05.csv")
    assert body["where"] == "${data}/orders_*-*.csv"
    assert "leaves out products.csv" in notes[0]
    (tmp_path / "orders_0-0.csv").write_text("other\n1\n")
    body, _ = propose(tmp_path, content, "orders_2026-05.csv")
    assert body["where"] == "${data}/orders_2026-05.csv"


def test_fields_that_only_the_first_line_of_an_order_states_are_noted(tmp_path: Path) -> None:
    lines = "#1,a@x.org,paid,9.00,2026-05-01,1,4.00,A\n#1,a@x.org,,,2026-05-01,1,5.00,B\n"
    names = "Name,Email,Financial Status,Total,Created at,Lineitem quantity,Lineitem price,Lineitem sku\n"
    body, notes = propose(tmp_path, names + lines + lines.replace("#1", "#2").replace("a@", "b@"))
    assert body["kind"] == "orders"
    assert body["columns"]["order_ref"] == "Name"
    assert "amount" not in body["columns"]  # 'Total' is the order's
    assert any(
        "only the first line of an order states Financial Status, Total" in note for note in notes
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv.gz", b"\x1f\x8b\x08no gzip", "is damaged or cannot be read"),
        ("a.parquet", b"PAR1 no parquet", "cannot be read as parquet"),
        ("a.json", b"[" * 5000, "is no JSON"),
        ("a.json", b"[1, 2]", "is no JSON of objects"),
        ("a.csv", b"\x00\x01\x02\x03" * 50, "control characters"),
        ("a.csv", b"a,b,c\n1,2\n3,4\n", "line 1 names 3 columns, and the records have 2"),
        ("a.csv", b'a,b\n"' + b"x" * 200_000, "its lines are no records"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_name_and_a_fix(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message) as refused:
        infer_mapping(Config.load(), str(tmp_path / name), kind=None)
    assert name in str(refused.value)
    assert refused.value.fix


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "json"}, "only files of format csv have a layout"),
        ({"mode": "stream"}, "does not know which lines of its files come first"),
        ({"layout": {"lines_befor": 1}}, "lines_befor"),
    ],
)
def test_a_layout_belongs_to_csv_files_of_a_batch(change: dict[str, Any], message: str) -> None:
    columns = {"day": "day", "channel": "channel", "amount": "amount"}
    body = {"where": "/d/*.csv", "format": "csv", "time_zone": "UTC", "columns": columns}
    with pytest.raises(ConfigError, match=message):
        parse_mapping("m", {"costs": body | {"layout": {"lines_before": 1}} | change}, variables={})


def test_a_cell_too_long_to_be_one_is_an_error_of_the_file() -> None:
    with pytest.raises(SourceError, match="its lines are no records"):
        find_layout("a,b\n" + "x" * 200_000 + ",1\n", path="a.csv", is_whole=True)


@pytest.mark.parametrize("id_", ['="00042"', "17850.0", "17,850", "'0815", "A-1"])
def test_an_id_that_a_table_damaged_is_still_found_by_its_name(tmp_path: Path, id_: str) -> None:
    lines = [f"{_quoted(id_)},2026-05-0{day} 10:00:00,{_quoted(id_)},1,9.90" for day in range(1, 6)]
    file = tmp_path / "orders.csv"
    file.write_text("\n".join(["order_id,order_date,sku,qty,price", *lines]) + "\n")
    columns = infer_mapping(Config.load(), str(file), kind=None).body["columns"]
    assert {"order_ref", "product_ref"} <= set(columns)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@pytest.mark.parametrize(
    ("first", "second"),
    [("13.05.26 10:00", "02.05.26 11:00"), ("01-May-26", "13-Jun-26"), ("5/13/26 9:05 PM", "6/1/26 10:00 AM"),
     ("13/05/26", "14/05/26 10:00:00"), ("2026-05-13T10:00:00+02:00", "13.05.26"), ("13 May 26", "1 June 2026"),
     ("20260513101500", "20260514101500"), ("1777678200000", "1777764600000"), ("2026年5月13日", "2026年5月14日")],
)  # fmt: skip
def test_a_proposal_for_times_is_valid_as_it_stands(
    tmp_path: Path, first: str, second: str
) -> None:
    lines = "".join(
        f"R{n},{(first, second)[n % 2]},A{n % 3},1,{n}.50,C{n % 4}\n" for n in range(12)
    )
    body, _ = propose(tmp_path, NAMES + lines)
    assert "happened_at" in body["columns"]
    parse_sources(Config.load(), "m", {body.pop("kind"): body | {"where": "/d/*.csv"}})


def test_years_of_birth_of_two_digits_are_those_of_people_who_buy(tmp_path: Path) -> None:
    lines = "".join(f"c{n},2026-05-{n + 1:02d},13.05.{n + 60}\n" for n in range(20))
    body, notes = propose(tmp_path, "customer id,signup date,birthday\n" + lines)
    assert body["columns"]["birth_date"]["pivot"] == 1925
    assert "birth_date: years of two digits are read as 1925 to 2024, by 'pivot'" in notes
