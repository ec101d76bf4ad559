"""Messages show the shape of a value, and no character of what may be a person's."""

from pathlib import Path

import pytest

from clarion.config import Config
from clarion.kernel.errors import SourceError
from clarion.kernel.text import shape
from clarion.onboarding.new_shop import infer_mapping


@pytest.mark.covers("C10")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("13912345678", "00000000000"), ("１３９１２３４５６７８", "00000000000"), ("٠١٢", "000"),
        ("Anna Müller", "xxxx xxxxxx"), ("王小明", "xxx"), ("José", "xxxx"), ("Jose\u0301", "xxxxx"),
        ("काव्या", "xxxxxx"), ("k7@shop.example\t", "x0@xxxx.xxxxxxx\\t"), ("½ №", "0 x"),
        ("1.23457E+12", "0.00000x+00"), ("a" * 40, "x" * 24), ("", ""),
    ],
)  # fmt: skip
def test_a_shape_shows_no_letter_and_no_digit(text: str, shown: str) -> None:
    assert shape(text) == shown


def test_runs_are_merged_and_nothing_is_cut_where_that_is_asked_for() -> None:
    assert shape("Total 1234,50 of 王小明", limit=None, merges=True) == "x 0,0 x x"
    assert shape("--  " + "a" * 40, limit=None, merges=True) == "--  x"


ROW = "O{n},2026-05-0{n} 10:00:00,A,1,{n}.50,C{n}\n"
NAMES = "order_id,order_date,sku,qty,price,customer_id\n"
ROWS = "".join(ROW.format(n=n) for n in range(1, 8))
SECRET = ("Anna", "anna@example.org", "13912345678", "小明")


@pytest.mark.covers("C10")
@pytest.mark.parametrize("secret", SECRET)
@pytest.mark.parametrize(
    "content",
    [
        "{secret}\n\n" + NAMES + ROWS,  # above the names
        NAMES + ROWS + "{secret}\n",  # below the records
        NAMES + ROWS + "O9,2026-05-09 10:00:00,A,1,{secret},C9\n",  # in place of a price
        NAMES + ROWS + "O9,{secret},A,1,9.50,C9\n",  # in place of a time
        NAMES + ROWS.replace("C7", "\t{secret}"),  # an id with a tab
        ROWS.replace("C1", "{secret}"),  # no line names the columns
        '["{secret}"]',
    ],
)
def test_no_note_of_infer_shows_a_value_of_a_person(
    tmp_path: Path, content: str, secret: str
) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(content.replace("{secret}", secret), encoding="utf-8")
    try:
        proposal = infer_mapping(Config.load(), str(file), kind="orders")
        told = "\n".join(proposal.notes)
    except SourceError as error:
        told = str(error)
    assert secret not in told
    assert secret[:5] not in told


@pytest.mark.covers("C10")
def test_words_that_nobody_declared_are_shown_unless_they_are_addresses(tmp_path: Path) -> None:
    def told(word: str) -> str:
        file = tmp_path / "orders.csv"
        file.write_text(NAMES.replace("\n", ",status\n") + ROWS.replace("\n", f",{word}\n"))
        return "\n".join(infer_mapping(Config.load(), str(file), kind="orders").notes)

    assert "its words under order_states: left at the door" in told("left at the door")
    assert "its words under order_states: xxxx@xxxxxxx.xxx" in told("anna@example.org")


@pytest.mark.covers("C10")
def test_an_encoding_is_doubted_by_a_name_of_a_column_or_by_the_number_of_a_line(
    tmp_path: Path,
) -> None:
    def told(names: str, who: str) -> str:
        rows = ROWS.replace("C1", who).replace("C2", who)
        file = tmp_path / "orders.csv"
        file.write_bytes((names + rows).encode("latin-1"))
        return next(
            note
            for note in infer_mapping(Config.load(), str(file), kind="orders").notes
            if note.startswith("encoding")
        )

    assert "'Größe' (ISO-8859-1) or" in told(NAMES.replace("sku", "Größe"), "Müller")
    in_rows = told(NAMES, "Müller")
    assert "compare line 2 in ISO-8859-1 and in GB18030" in in_rows
    assert "ller" not in in_rows
