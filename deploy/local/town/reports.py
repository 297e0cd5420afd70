"""What the chat platform reports, as commands and events. Pure.

A group is named as the platform names it: `platform:{id}`.
"""

from collections.abc import Iterable, Sequence
from typing import assert_never
from zlib import crc32

import msgspec
import numpy as np

from deploy.local.orders import Order
from deploy.local.town.facts import Answered, Declined, Fact, Joined, Left, Report, Snapshot
from deploy.local.town.people import Ints
from libs.common.commands import PersonBody, SnapshotBody
from libs.common.days import day_to_iso, ms_to_rfc3339

PREFIX = "platform:"
ANSWER = "好的，马上帮您看"  # of no topic


def platform_name(group: str) -> str:
    """What the platform calls a group of Qunli's."""
    return PREFIX + group.replace("~", "-")


def orders_of(store: str, heard: Iterable[Report]) -> list[Order]:
    """The commands that say what was heard; one that is heard twice has the same key twice."""
    return [order for report in heard for order in _orders(store, report.fact)]


def _orders(store: str, fact: Fact) -> Iterable[Order]:
    match fact:
        case Joined(group, person, at):
            body = PersonBody(at, person)
            yield Order("POST", f"/v1/groups/{store}~{group}/joins", f"join:{group}:{person}:{at}", body)
        case Left(group, person, at):
            body = PersonBody(at, person)
            yield Order("POST", f"/v1/groups/{store}~{group}/leaves", f"leave:{group}:{person}:{at}", body)
        case Declined(placement):
            yield Order("POST", f"/v1/placements/{placement}/decline", f"decline:{placement}")
        case Snapshot(group, at, people):
            body_of_all = SnapshotBody(at, people)
            yield Order("PUT", f"/v1/groups/{store}~{group}/snapshot", f"snapshot:{group}:{at}", body_of_all)
        case Answered():
            return
        case _:
            assert_never(fact)


def answers(store: str, day: int, begin: int, heard: Sequence[Report]) -> tuple[Ints, list[bytes], list[int]]:
    """What managers wrote on a day that began at the instant `begin`, as events: ms of the day, JSON, lane.

    Ids are numbered by manager, in the order of time.
    """
    said = [report.fact for report in heard if isinstance(report.fact, Answered)]
    numbers: dict[str, int] = {}
    events, lanes = [], []
    for fact in said:
        number = numbers[fact.manager] = numbers.get(fact.manager, -1) + 1
        event = {
            "id": f"{day_to_iso(day)}-answer-{number}",
            "type": "message",
            "store_id": store,
            "member_id": fact.manager,
            "occurred_at": ms_to_rfc3339(fact.at),
            "data": {"kind": "text", "group_id": fact.group, "text": ANSWER, "reply_to": fact.reply_to},
        }
        events.append(msgspec.json.encode(event))
        lanes.append(crc32(fact.manager.encode()) & 0xFFFF)
    return np.array([fact.at - begin for fact in said], dtype=np.int64), events, lanes
