"""What the door's answers mean, and how long to wait after them. Pure: time and chance are given."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_RETRY_AFTER = 600.0
VERDICTS = ("accepted", "rejected", "unknown")


@dataclass(frozen=True)
class Pauses:
    """Bounds, in seconds, that double from `first` to `longest`."""

    first: float
    longest: float

    def draw(self, tries: int, chance: float) -> float:
        """Full jitter: anything up to the bound, so that a crowd does not come back all at once."""
        return chance * min(self.longest, self.first * 2.0 ** min(tries, 20))


AWAY = Pauses(0.5, 60.0)  # the door does not answer, or asks to be left alone
REFUSED = Pauses(30.0, 600.0)  # the door refuses this caller: someone must look after that


def body_of(content: bytes) -> Mapping[str, Any]:
    """The JSON object of an answer; an empty one where it is something else."""
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def verdicts(status: int, body: Mapping[str, Any], ids: Sequence[str]) -> list[Mapping[str, Any]] | None:
    """The door's verdict on each event that was sent; None where the answer has none that fit.

    Anybody on the way may answer something else, with any status.
    """
    results = body.get("results")
    if status not in {202, 207, 422, 503} or not isinstance(results, list) or len(results) != len(ids):
        return None
    fits = all(
        isinstance(one, dict) and one.get("result") in VERDICTS and one.get("id") == event_id
        for one, event_id in zip(results, ids, strict=True)
    )
    return results if fits else None


def cannot_take_together(status: int, body: Mapping[str, Any]) -> bool:
    """Whether fewer events, or one of them left out, may be taken. Only the door itself says so of unreadable ones."""
    return status == 413 or (status in {400, 422} and "code" in body)


def refuses_caller(status: int) -> bool:
    """Whether trying again soon is of no use: a wrong credential, scope or address."""
    return 400 <= status < 500 and status not in {408, 429}


def retry_after(header: str | None, now: float) -> float:
    """The seconds that a Retry-After asks for, given in seconds or as a date; 0 if it is neither. `now`: Unix time."""
    text = (header or "").strip()
    try:
        asked = float(text) if text.isdecimal() else parsedate_to_datetime(text).timestamp() - now
    except ValueError:
        return 0.0
    return min(LONGEST_RETRY_AFTER, max(0.0, asked))
