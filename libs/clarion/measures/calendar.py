"""Holidays of countries and festivals of shops, as regressors of a day."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from clarion.kernel.errors import ConfigError

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_FAR = 15  # days: a feast further away does not matter
REGRESSORS = (
    "weekday", "month_day", "is_holiday", "to_holiday", "since_holiday", "is_festival",
    "to_festival", "since_festival",
)  # fmt: skip


class Festival(BaseModel):
    """Days of each year on which shops sell more, or less.

    It begins on a date (`first`), on the nth weekday of a month (`nth`, `weekday`, `month`), or on
    a holiday of one of the countries (`holiday`, a part of its English name), `shift` days later.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    first: str | None = Field(default=None, pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")
    nth: int | None = Field(default=None, ge=1, le=5)
    weekday: Literal[WEEKDAYS] | None = None  # type: ignore[valid-type]
    month: int | None = Field(default=None, ge=1, le=12)
    holiday: str | None = None
    shift: int = Field(default=0, ge=-60, le=60)
    days: int = Field(default=1, ge=1, le=60)

    @model_validator(mode="after")
    def _has_one_rule(self) -> "Festival":
        of_weekday = (self.nth, self.weekday, self.month)
        if any(part is not None for part in of_weekday) and None in of_weekday:
            raise ValueError("nth, weekday and month belong together")
        rules = [self.first is not None, self.nth is not None, self.holiday is not None]
        if sum(rules) != 1:
            raise ValueError("needs one of: first; nth, weekday and month; holiday")
        return self


class CalendarFile(BaseModel):
    """What conf/calendar.yml states."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    countries: list[str] = Field(default=[])
    festivals: list[Festival] = Field(default=[])


@dataclass(frozen=True, slots=True)
class Calendar:
    """Holidays and festivals.

    Args:
        countries: ISO codes whose public holidays count, such as CN or GB-SCT.
        festivals: of shops.
    """

    countries: tuple[str, ...] = ()
    festivals: tuple[Festival, ...] = field(default=())

    def holidays(self, year: int) -> Mapping[date, str]:
        """The public holidays of a year and what they are called in English.

        Example:
            The Spring Festival follows the moon:

            >>> Calendar(("CN",)).holidays(2026)[date(2026, 2, 17)]
            'Chinese New Year (Spring Festival)'
        """
        found: dict[date, str] = {}
        for country in self.countries:
            for day, name in _holidays(country, year).items():
                found[day] = f"{found[day]}; {name}" if day in found else name
        return found

    def festival_days(self, year: int) -> Mapping[date, str]:
        """The days of festivals that begin in a year.

        Example:
            Black Friday is the day after the fourth Thursday of November:

            >>> black_friday = Festival(
            ...     name="Black Friday", nth=4, weekday="thursday", month=11, shift=1
            ... )
            >>> Calendar(festivals=(black_friday,)).festival_days(2026)
            {datetime.date(2026, 11, 27): 'Black Friday'}
        """
        found: dict[date, str] = {}
        for festival in self.festivals:
            for first in self._starts(festival, year):
                for ahead in range(festival.days):
                    found.setdefault(first + timedelta(festival.shift + ahead), festival.name)
        return found

    def regressors(self, first: date, days: int) -> npt.NDArray[np.float64]:
        """What the calendar says of some days, shape (days, len(REGRESSORS)).

        Distances are in days and at most 15.

        Args:
            first: the first day.
            days: number of days.
        """
        around = range((first - timedelta(90)).year, (first + timedelta(days + 90)).year + 1)
        holidays = [day for year in around for day in self.holidays(year)]
        festivals = [day for year in around for day in self.festival_days(year)]
        dates = [first + timedelta(ahead) for ahead in range(days)]
        plain = [[day.weekday(), day.day] for day in dates]
        return np.column_stack(
            [
                np.array(plain, dtype=np.float64).reshape(-1, 2),
                _distances(dates, holidays),
                _distances(dates, festivals),
            ]
        )

    def _starts(self, festival: Festival, year: int) -> Iterator[date]:
        if festival.first is not None:
            month, day = map(int, festival.first.split("-"))
            if (month, day) != (2, 29) or year % 4 == 0:
                yield date(year, month, day)
        elif festival.holiday is not None:
            named = festival.holiday.casefold()
            yield from sorted(
                day for day, name in self.holidays(year).items() if named in name.casefold()
            )[:1]
        else:
            yield from _nth_weekday(festival, year)


def calendar_of(file: CalendarFile, *, where: str) -> Calendar:
    """The calendar of a shop.

    Args:
        file: what it states.
        where: the file, for messages.

    Raises:
        ConfigError: a country is unknown.
    """
    for country in file.countries:
        _check_country(country, where=where)
    return Calendar(tuple(file.countries), tuple(file.festivals))


def _check_country(country: str, *, where: str) -> None:
    import holidays

    code, _, part = country.partition("-")
    known = holidays.list_supported_countries(include_aliases=True)
    if code not in known:
        raise ConfigError(
            f"{where}: no holidays are known of a country",
            found=country,
            fix="use an ISO 3166 code of two letters, such as CN, GB or US",
        )
    if part and part not in known[code]:
        raise ConfigError(
            f"{where}: no holidays are known of a part of {code}",
            found=country,
            fix=f"use {code} alone, or with one of {', '.join(known[code]) or 'no part'}",
        )


@lru_cache(maxsize=256)
def _holidays(country: str, year: int) -> Mapping[date, str]:
    import holidays  # takes .3 s

    code, _, part = country.partition("-")
    english = ("en_US", "en_GB", "en")
    spoken = holidays.country_holidays(code, subdiv=part or None, years=[year])
    language = next((tag for tag in english if tag in spoken.supported_languages), None)
    if language is not None:
        spoken = holidays.country_holidays(
            code, subdiv=part or None, years=[year], language=language
        )
    return dict(sorted(spoken.items()))


def _nth_weekday(festival: Festival, year: int) -> Iterator[date]:
    first = date(year, int(festival.month or 1), 1)
    weekday = WEEKDAYS.index(str(festival.weekday))
    day = first + timedelta((weekday - first.weekday()) % 7 + 7 * (int(festival.nth or 1) - 1))
    if day.month == first.month:  # a fifth one is not in every month
        yield day


def _distances(dates: Sequence[date], feasts: Sequence[date]) -> npt.NDArray[np.float64]:
    """Whether a day is a feast, days to the next one, and since the last one."""
    days = np.array([day.toordinal() for day in dates])
    ordinals = np.array(sorted({day.toordinal() for day in feasts}))
    ends = np.concatenate([[-(10**6)], ordinals, [10**8]])
    after = ends[np.searchsorted(ends, days, side="left")] - days
    since = days - ends[np.searchsorted(ends, days, side="right") - 1]
    is_feast = (after == 0).astype(np.float64)
    return np.column_stack([is_feast, np.minimum(after, _FAR), np.minimum(since, _FAR)])
