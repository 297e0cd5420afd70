"""Closing days: by hand, and by the clock just after local midnight."""

from collections.abc import Callable
from threading import Event
from zoneinfo import ZoneInfo

import httpx

from libs.common.clock import today
from libs.common.days import day_to_iso
from libs.common.errors import QunliError

RETRY_SECONDS = 5.0


class DayNotClosed(QunliError):
    """The day {day} could not be closed: {reason}"""


def close_day(ingest_url: str, server_key: str, day: int) -> None:
    """Ask ingest to write the close of a day (a day number) to every partition. Harmless when it stands there.

    DayNotClosed when ingest refuses, with its words, or does not answer.
    """
    try:
        answer = httpx.post(
            f"{ingest_url}/v1/days/{day_to_iso(day)}/close",
            headers={"Authorization": f"Bearer {server_key}"},
            timeout=30.0,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise DayNotClosed(day=day_to_iso(day), reason=f"ingest does not answer ({type(error).__name__}).") from error
    if not answer.is_success:
        raise DayNotClosed(day=day_to_iso(day), reason=f"ingest answered {answer.status_code}: {answer.text[:300]}")


def close_days_by_the_clock(
    ingest_url: str, server_key: str, zone: ZoneInfo, stopping: Event, say: Callable[[str], None]
) -> None:
    """Close yesterday now, so that a missed night heals, and every day just after its end; until `stopping`.

    `say` gets a line per close.
    """
    closed = None
    while not stopping.wait(1.0):
        yesterday = today(zone) - 1
        if closed == yesterday:
            continue
        try:
            close_day(ingest_url, server_key, yesterday)
        except DayNotClosed as error:
            say(str(error))
            stopping.wait(RETRY_SECONDS)
        else:
            closed = yesterday
            say(f"closed the day {day_to_iso(yesterday)}")
