"""Ids as tables leave them: what is repaired, what is refused, and what a sample tells."""

from typing import Any

import pytest

from clarion.collect.cleaning.quality import BatchQuality, rule_qualities
from clarion.collect.cleaning.rules import parse_rules
from clarion.collect.sources.id_damage import find_id_damage, propose_ids
from clarion.collect.sources.ids import IdForm
from clarion.collect.sources.mapping_file import parse_mapping
from clarion.contracts.sources import ID_FAULTS, KINDS
from clarion.declarations.shop import parse_spec
from clarion.kernel.errors import ConfigError

EANS = [str(4006381333000 + 7 * n) for n in range(40)]


def _mapping(kind: str = "orders", **change: Any) -> dict[str, Any]:
    body = {
        "where": "/x/*.csv", "format": "csv", "time_zone": "UTC", "consent": {"basis": "recorded"},
        "columns": {column.name: column.name for column in KINDS[kind].columns}, **change,
    }  # fmt: skip
    return {kind: body}


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_of_ids_of_every_kind_is_repaired_and_checked(kind: str) -> None:
    source = parse_mapping("m", _mapping(kind), variables={})[0]
    ids = {column.name for column in source.kind.columns if column.name.endswith("_ref")}
    assert set(parse_spec(source).ids) == ids
    assert all(source.columns[name].id_form == IdForm() for name in ids)


def test_what_a_mapping_declares_of_its_ids_changes_how_it_cleans() -> None:
    declared: dict[str, Any] = {"ids": {"customer_ref": "whole_number"}}
    plain = parse_mapping("m", _mapping(), variables={})[0]
    floats = parse_mapping("m", _mapping(**declared), variables={})[0]
    assert floats.columns["customer_ref"].id_form == IdForm(repair="whole_number")
    assert plain.fingerprint != floats.fingerprint


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        ({"quantity": "whole_number"}, "'ids' names quantity, which is no mapped column of ids"),
        ({"order": "unwrap"}, "order_ref"),
        ({"order_ref": "trim"}, "order_ref"),
        ({"order_ref": {"pad": 1}}, "pad"),
        ({"order_ref": {"pattern": "[0-9"}}, "is no regular expression"),
        ({"order_ref": {"pattern": "(?P<x>a)"}}, "Spark reads otherwise"),
        ({"order_ref": {"pattern": "a{,3}"}}, "Spark reads otherwise"),
        ({"order_ref": {"length": 13}}, "length"),
    ],
)
def test_what_a_mapping_cannot_declare_of_its_ids_is_named(ids: dict[str, Any], found: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_mapping("m", _mapping(ids=ids), variables={})
    assert found in str(error.value)


def test_a_rule_cannot_have_the_name_of_what_is_always_checked() -> None:
    rule = {"column": "order_ref", "invalid_when": "true", "severity": "error", "reason": "r"}
    for name in ("rounded_id", "unreadable"):
        with pytest.raises(ConfigError, match=f"'{name}' is checked for every source"):
            parse_rules({"every": {name: rule}})


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["1.23457E+12"] * 8, "order_ref: 8 of 8 ids, first '0.00000x+00' in record 1: an id was rounded"),
        (["A-1", None, "17850.0"], "1 of 2 ids, first '00000.0' in record 3: an id is a number with dec"),
        (["A-1", "\tA-2\u200b"], "first '\\tx-0\\u200b' in record 2: what a table added is taken away"),
        (["A-1", "A\t1"], "first 'x\\t0' in record 2: an id holds an invisible character"),
        (["anna@shop.example", "#REF!"], "first '#xxx!' in record 2: a formula, an error"),
        ([*EANS, *(ean[3:] for ean in EANS[:3])], "order_ref: 3 of 43 ids, first '0000000000' in record 41: the id is shorter"),
        (["00041", "00042", "00043", "00044", "45"], "first '00' in record 5: the id is shorter than others"),
        ([f"20260501123456{n}0000" for n in range(6)], "6 of 6 ids, first '000000000000000000"),
    ],
)  # fmt: skip
def test_damage_in_a_sample_is_told_with_record_shape_and_fix(
    texts: list[str | None], found: str
) -> None:
    (damage,) = find_id_damage("order_ref", texts)
    assert found in damage.text


@pytest.mark.parametrize(
    "texts",
    [
        ["12E5", "1E5", "3E10", "3E-10", "10.5", "1.2.3", "12-MAR", "#1001", "a=b", "O'Neil", "客户 甲"],
        ["set-12", "Box 12", "12. Ed", "12-xl", "abc-12", "MAR-12", "mar-004", "Mai-Linh", "4-marsh"],
        ["7e123456-0000-4000-8000-000000000000", "anna@shop.example", "'t Winkel", "1,5", "2026-05-01"],
        [str(n) for n in range(1, 1000)],  # counted up
        ["0815", "1", "2", "3", "4", "5"],  # one zero says nothing
        EANS,
        [f"4{n:017d}" for n in range(7, 40)],
        [str(10**15 + 37 * n) for n in range(100)],  # one in ten ends in a zero
        [],
    ],
)  # fmt: skip
def test_ids_that_look_odd_and_are_right_pass_in_silence(texts: list[str]) -> None:
    assert find_id_damage("order_ref", texts) == []
    assert not [text for text in texts if IdForm().repair_text(text) != text]


def test_what_is_declared_is_no_damage() -> None:
    assert not find_id_damage("c", ["17850.0", "2.0000001E7"], IdForm(repair="whole_number"))[1:]
    assert find_id_damage("c", ["1.23457E+12", "4-Mar"], IdForm(repair="as_written")) == []
    (form,) = find_id_damage("c", ["AB-1", "AB12"], IdForm(pattern="[A-Z]{2}-[0-9]"))
    assert (form.record, form.reason) == (2, ID_FAULTS["other_form"])


def test_a_proposal_declares_floats_that_are_whole_and_names_what_is_lost() -> None:
    body: dict[str, Any] = {}
    texts: dict[str, list[str | None]] = {
        "order_ref": ["536365.0", None, "20000001.0", "nan"],
        "customer_ref": ["17850.0", "17850.0", "1.23457E+12", "a"],
        "quantity": ["1.0", "2.0", "3.0", "4.0"],
    }
    notes = propose_ids(KINDS["orders"], texts, body)
    assert body == {"ids": {"order_ref": "whole_number"}}
    assert [note.split(",")[0] for note in notes] == [
        "order_ref: ids such as '000000.0' were kept as numbers with decimals; 'ids' reads them as whole numbers",
        "customer_ref: 2 of 4 ids",
        "customer_ref: 1 of 4 ids",
    ]  # fmt: skip


@pytest.mark.covers("Q2")
def test_malformed_codes_lower_the_share_of_their_own_column_alone() -> None:
    batch = BatchQuality(
        checked=100,
        errors={("unreadable", "unit_price"): 2, ("other_form", "product_ref"): 40},
        warnings={},
        filled={},
        missing_words={},
        repaired_ids={},
        values={"order_ref": 100, "product_ref": 100, "unit_price": 98, "coupon_ref": 0},
        other_forms={"product_ref": 40},
    )
    rows = rule_qualities(batch, [], failed_before={}, checked_before=0)
    shares = {row.column: (row.failed, row.checked) for row in rows if row.rule == "standard_form"}
    assert shares == {
        "order_ref": (0, 100),
        "product_ref": (40, 100),
        "unit_price": (2, 100),
        "coupon_ref": (0, 0),
    }
