"""Local days. An as-of day is exclusive: the first day that does not count."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from clarion.kernel.errors import UsageError


def parse_day(text: str) -> date:
    """The day that a text of the form YYYY-MM-DD names.

    Raises:
        UsageError: the text is no day of the calendar.

    Example:
        >>> parse_day("2026-01-31")
        datetime.date(2026, 1, 31)
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"'{text}' is not a day",
            found=str(error),
            fix="write it as YYYY-MM-DD, such as 2026-01-31",
        ) from error


def zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name.

    Raises:
        UsageError: there is no such zone.

    Example:
        >>> zone("Asia/Shanghai").key
        'Asia/Shanghai'
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UsageError(
            f"unknown time zone '{name}'",
            found=str(error),
            fix="use an IANA name such as Asia/Shanghai",
        ) from error


def today(zone_name: str) -> date:
    """The current day in a zone: the default as-of day.

    Example:
        >>> today("UTC") == datetime.now(UTC).date()
        True
    """
    return datetime.now(UTC).astimezone(zone(zone_name)).date()
