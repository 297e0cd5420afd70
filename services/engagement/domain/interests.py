"""Interest of a membership in tags: integers in units of 2^-20 that halve every 30 days."""

from collections import Counter
from collections.abc import Mapping
from typing import assert_never

from msgspec import UNSET

from libs.common.activity import UNIT, decay_table
from libs.common.days import day_to_iso
from libs.common.events import CheckIn, IsoDay, Join, Message, Purchase

Interests = Mapping[str, tuple[int, int]]  # tag -> (weight, the day it stands for)

SENT = 32
_FORGOTTEN = 601  # days after which nothing is left
_T30 = (*decay_table(30, _FORGOTTEN), 0)
_HALF = UNIT >> 1


def carried(weight: int, days: int) -> int:
    """A weight `days` later: (w * T30[days] + 2^19) >> 20, nothing after 600 days."""
    return (weight * _T30[days] + _HALF) >> 20 if days < _FORGOTTEN else 0


def mentioned(event: Join | Message | Purchase | CheckIn) -> Mapping[str, int]:
    """What an event adds to each tag: an item line or a mention counts 1, a tag of a join 5 (units of 2^-20)."""
    match event:
        case Join(data=data):
            return dict.fromkeys(data.interests or (), 5 * UNIT)
        case Purchase(data=data):
            return {tag: lines * UNIT for tag, lines in Counter(item.category for item in data.items).items()}
        case Message(data=data, text=text):
            lexicon = () if text is UNSET else text.topics
            return dict.fromkeys((*(data.topics or ()), *lexicon), UNIT)
        case CheckIn():
            return {}
        case _:
            assert_never(event)


def added(interests: Interests, parts: Mapping[str, int], day: int) -> Interests:
    """Interests after an event on `day`: each weight is carried to the later of its day and the event's."""
    if not parts:
        return interests
    grown = dict(interests)
    for tag, part in parts.items():
        weight, since = grown.get(tag, (0, day))
        if day >= since:
            grown[tag] = (carried(weight, day - since) + part, day)
        else:
            grown[tag] = (weight + carried(part, since - day), since)
    return grown


def largest(interests: Interests, today: int) -> tuple[tuple[str, int, IsoDay], ...]:
    """The 32 tags of largest weight at `today`, ties by tag: (tag, weight as of its day, its day)."""
    # `carried` written out, and only those that can be among the 32 sorted with their tags: every message does this.
    aged = [
        weight if since >= today else (weight * _T30[min(today - since, _FORGOTTEN)] + _HALF) >> 20
        for weight, since in interests.values()
    ]
    least = sorted(aged)[-SENT] if len(aged) > SENT else 0
    ranked = sorted([(-weight, tag) for weight, tag in zip(aged, interests, strict=True) if weight >= least])
    return tuple([(tag, interests[tag][0], day_to_iso(interests[tag][1])) for _, tag in ranked[:SENT]])
