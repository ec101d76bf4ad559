"""Instants of a simulated shop: days and seconds of its zone, as UTC."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from clarion.sim.draws import Ints

Instants = npt.NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Clock:
    """The shop's calendar.

    Args:
        starts_on: the day with the number 0.
        time_zone: the shop's zone.
    """

    starts_on: date
    time_zone: str

    def instants(self, day: Ints | int, seconds: Ints | int = 0) -> Instants:
        """UTC instants of seconds after the shop's midnight of days."""
        days, place = np.unique(np.asarray(day, dtype=np.int64), return_inverse=True)
        midnights = np.array([self._midnight(int(number)) for number in days], dtype=np.int64)
        result = midnights[place].reshape(np.shape(day)) + np.asarray(seconds, dtype=np.int64)
        return np.asarray(result.astype("datetime64[s]"))

    def dates(self, day: Ints) -> npt.NDArray[np.datetime64]:
        """The dates of days."""
        return np.datetime64(self.starts_on) + np.asarray(day)

    def hours_behind(self, zones: list[str]) -> Ints:
        """How many hours later than in the shop's zone it is the same time in other zones."""
        noon = datetime.combine(self.starts_on, time(12), UTC)
        own = noon.astimezone(ZoneInfo(self.time_zone)).utcoffset() or timedelta()
        offsets = {
            zone: noon.astimezone(ZoneInfo(zone)).utcoffset() or timedelta() for zone in set(zones)
        }
        return np.array(
            [round((own - offsets[zone]).total_seconds() / 3600) for zone in zones], dtype=np.int64
        )

    def _midnight(self, day: int) -> int:
        local = datetime.combine(self.starts_on + timedelta(days=day), time(0))
        return int(local.replace(tzinfo=ZoneInfo(self.time_zone)).timestamp())


def as_text(instants: Instants) -> npt.NDArray[np.str_]:
    """Instants as text: yyyy-MM-dd HH:mm:ss."""
    if not len(instants):
        return np.empty(0, dtype=np.str_)
    return np.char.replace(np.datetime_as_string(instants.astype("datetime64[s]")), "T", " ")
