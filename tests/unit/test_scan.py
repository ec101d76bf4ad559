"""What looks like a telephone, a mail address or an identity number, and what does not."""

import re

import pytest

from clarion.collect.privacy.scan import SHAPES, Leak, find_shapes, may_hold_name, name_candidates
from clarion.workflows.leaks import leak_error


@pytest.mark.covers("Q8")
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("phone", "13912345678"), ("phone", "请电139 1234 5678联系"), ("phone", "tel:+86-139-1234-5678"), ("phone", "call +49 30 901820 now"),
        ("phone", "[8613912345678]"), ("mail", "write to Anna.Miller+x@mail.example.com."), ("mail", "邮箱li@qq.com"), ("id_number", "号码11010519491231002X"),
        ("id_number", '{"id": "110105194912310021"}'),
    ],
)  # fmt: skip
def test_personal_values_are_recognised_wherever_they_are(kind: str, text: str) -> None:
    assert re.search(SHAPES[kind], text)


@pytest.mark.parametrize(
    "text",
    ["1763867027123", "a13912345678f", "k1.13912345678aa", "2026-01-31 10:00:00", "139.1234", "0.13912345678", "SKU-13912345678", "12912345678", "1 234 567 890", "x@y"],
)  # fmt: skip
def test_fingerprints_times_and_amounts_are_no_personal_values(text: str) -> None:
    assert not any(re.search(shape, text) for shape in SHAPES.values())


def test_names_are_looked_for_in_parts_of_a_text() -> None:
    assert {"Anna Miller", "Miller wrote"} <= set(name_candidates("yesterday Anna Miller wrote"))
    assert {"李娜", "张李娜"} <= set(name_candidates("客户张李娜投诉"))
    assert max(map(len, name_candidates("x " * 5000))) <= 400


@pytest.mark.parametrize(
    ("text", "may"),
    [("Anna Miller", True), ("李娜", True), ("1 Long Street", True), ("k1.13912345678aa", False), ("2026-01-31 10:00:00", False), ("SKU-12", False), ("", False)],
)  # fmt: skip
def test_references_and_times_are_not_looked_up_as_names(text: str, may: bool) -> None:
    assert may_hold_name(text) == may


def test_the_message_of_a_leak_is_no_leak() -> None:
    samples = {
        "mail": "li@mail.example",
        "phone": "+49 30 901820",
        "id_number": "11010519491231002X",
    }
    leaks = [
        Leak("bronze.orders", "note", kind, 2, sample, source="shop.orders")
        for kind, sample in samples.items()
    ]
    text = str(leak_error(leaks))
    assert "bronze.orders.note of shop.orders (mail: 2, such as xx(at)xxxx.xxxxxxx)" in text
    assert find_shapes(text.encode()) == {}


def test_files_are_scanned_byte_by_byte() -> None:
    assert find_shapes(b"\x00\xff tel 13912345678 \x00") == {"phone": ["13912345678"]}
