"""Holidays and festivals, against printed calendars."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from clarion.config import Config
from clarion.declarations.shop import calendar
from clarion.kernel.errors import ConfigError
from clarion.measures.calendar import REGRESSORS, Calendar, CalendarFile, Festival, calendar_of

SHOP = calendar(Config.load())


@pytest.mark.parametrize(
    ("year", "spring", "autumn"),
    [
        (2024, date(2024, 2, 10), date(2024, 9, 17)),
        (2025, date(2025, 1, 29), date(2025, 10, 6)),
        (2026, date(2026, 2, 17), date(2026, 9, 25)),
    ],
)
def test_feasts_of_the_moon_are_found_in_each_year(year: int, spring: date, autumn: date) -> None:
    named = SHOP.holidays(year)
    assert "Spring Festival" in named[spring]
    assert "Mid-Autumn" in named[autumn]


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("618", date(2026, 6, 10), date(2026, 6, 18)),
        ("Singles' Day (Double 11)", date(2026, 11, 1), date(2026, 11, 11)),
        ("Double 12", date(2026, 12, 10), date(2026, 12, 12)),
        ("Black Friday", date(2026, 11, 27), date(2026, 11, 29)),
        ("Cyber Monday", date(2026, 11, 30), date(2026, 11, 30)),
        ("Mother's Day", date(2026, 5, 4), date(2026, 5, 10)),
        ("New Year goods", date(2026, 2, 3), date(2026, 2, 14)),
    ],
)
def test_the_festivals_of_shops_follow_their_rules(name: str, first: date, last: date) -> None:
    days = [day for day, festival in SHOP.festival_days(2026).items() if festival == name]
    assert (min(days), max(days)) == (first, last)


def test_a_fifth_monday_is_not_in_every_month() -> None:
    rare = Festival(name="rare", nth=5, weekday="monday", month=2)
    found = Calendar(festivals=(rare,))
    assert list(found.festival_days(2026)) == []
    assert list(found.festival_days(2044)) == [date(2044, 2, 29)]


def test_a_day_knows_how_far_the_feasts_are() -> None:
    shop = Calendar(("GB",), (Festival(name="sale", first="12-28", days=2),))
    rows = [
        dict(zip(REGRESSORS, row, strict=True)) for row in shop.regressors(date(2026, 12, 24), 6)
    ]
    # Christmas and Boxing Day; 28 December stands for the latter, which is a Saturday.
    assert [row["is_holiday"] for row in rows] == [0, 1, 1, 0, 1, 0]
    assert [row["to_holiday"] for row in rows] == [1, 0, 0, 1, 0, 3]
    assert [row["since_holiday"] for row in rows][1:] == [0, 0, 1, 0, 1]
    assert [row["is_festival"] for row in rows] == [0, 0, 0, 0, 1, 1]
    assert [row["to_festival"] for row in rows] == [4, 3, 2, 1, 0, 0]
    assert rows[0]["since_festival"] == 15
    assert (rows[0]["weekday"], rows[0]["month_day"]) == (3, 24)


def test_a_distance_crosses_the_new_year() -> None:
    shop = Calendar(festivals=(Festival(name="sale", first="01-03"),))
    row = dict(zip(REGRESSORS, shop.regressors(date(2026, 12, 30), 1)[0], strict=True))
    assert row["to_festival"] == 4


@pytest.mark.parametrize("country", ["XX", "GB-NOWHERE", "England"])
def test_an_unknown_country_is_refused(country: str) -> None:
    with pytest.raises(ConfigError, match=rf"no holidays are known(.|\n)*{country}(.|\n)*fix"):
        calendar_of(CalendarFile(countries=[country]), where="calendar.yml")


@pytest.mark.parametrize(
    ("festival", "message"),
    [
        ({"name": "x"}, "needs one of"),
        ({"name": "x", "first": "02-03", "holiday": "Easter"}, "needs one of"),
        ({"name": "x", "nth": 2, "month": 5}, "belong together"),
        ({"name": "x", "first": "13-01"}, "first"),
        ({"name": "x", "first": "02-03", "weekdays": 3}, "weekdays"),
    ],
)
def test_a_festival_without_a_clear_rule_is_refused(
    tmp_path: Path, festival: dict[str, Any], message: str
) -> None:
    (tmp_path / "calendar.yml").write_text(f"festivals: [{festival}]\n")
    with pytest.raises(ConfigError, match=f"(?s)calendar.yml.*{message}"):
        calendar(Config.load(conf_dir=tmp_path))


def test_holidays_of_a_part_of_a_country_count() -> None:
    scotland = calendar_of(CalendarFile(countries=["GB-SCT"]), where="calendar.yml")
    assert date(2026, 11, 30) in scotland.holidays(2026)  # St Andrew's Day
    assert SHOP.holidays(2026).get(date(2026, 11, 30)) is None


def test_regressors_have_a_row_for_each_day() -> None:
    assert SHOP.regressors(date(2024, 2, 28), 3).shape == (3, len(REGRESSORS))
    assert date(2024, 2, 28) + timedelta(1) == date(2024, 2, 29)
