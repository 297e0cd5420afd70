"""Calendar days as integers: days since 1970-01-01, in the retailer's time zone.

Inside Qunli a day is an `int` and an instant is an `int` of UTC milliseconds; ISO dates and RFC 3339
stand only at the doors.
"""

import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

EPOCH = datetime.date(1970, 1, 1)
FIRST_DAY = (datetime.date(2000, 1, 1) - EPOCH).days
LAST_DAY = (datetime.date(2199, 12, 31) - EPOCH).days
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# Since 2000 every zone's offset has changed on a quarter of an hour, so one look-up serves 15 minutes of events.
_QUARTER_MS = HOUR_MS // 4


@lru_cache(maxsize=65_536)
def _local_quarter(quarter: int, zone: ZoneInfo) -> tuple[int, int]:
    instant = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(
        milliseconds=quarter * _QUARTER_MS
    )
    local = instant.astimezone(zone)
    return (local.date() - EPOCH).days, local.hour


def local_day_hour(instant_ms: int, zone: ZoneInfo) -> tuple[int, int]:
    """The (day, hour 0..23) on the wall clock of `zone` at an instant in UTC milliseconds."""
    return _local_quarter(instant_ms // _QUARTER_MS, zone)


@lru_cache(maxsize=4_096)
def day_to_iso(day: int) -> str:
    """20514 -> '2026-03-02'."""
    return (EPOCH + datetime.timedelta(days=day)).isoformat()


def day_number(text: str) -> int:
    """The day number of any ISO date. ValueError if there is no such day."""
    return (datetime.date.fromisoformat(text) - EPOCH).days


def day_from_iso(text: str) -> int:
    """'2026-03-02' -> 20514. ValueError unless it is exactly YYYY-MM-DD of a day within 2000..2199."""
    day = day_number(text)
    if len(text) != 10 or not FIRST_DAY <= day <= LAST_DAY:
        msg = f"{text!r} is not a day YYYY-MM-DD within 2000-01-01 .. 2199-12-31"
        raise ValueError(msg)
    return day


def day_to_date(day: int) -> datetime.date:
    """The `date` of a day number."""
    return EPOCH + datetime.timedelta(days=day)


def iso_week(day: int) -> int:
    """The ISO week a day lies in, as the day number of its Monday (1970-01-01 was a Thursday)."""
    return (day + 3) // 7 * 7 - 3


def ms_to_rfc3339(instant_ms: int) -> str:
    """UTC milliseconds -> '2026-03-02T01:00:00.000Z'."""
    instant = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=instant_ms)  # noqa: DTZ001 - the Z is written below
    return instant.isoformat(timespec="milliseconds") + "Z"


@lru_cache(maxsize=4_096)
def day_start_ms(day: int, zone: ZoneInfo) -> int:
    """The instant at which a day begins on the wall clock of `zone`, in UTC milliseconds."""
    midnight = datetime.datetime.combine(day_to_date(day), datetime.time(), tzinfo=zone)
    return int(midnight.timestamp()) * 1000
