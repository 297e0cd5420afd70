"""What is published on `store-feed`: a membership's messages, then group days, then closed partitions."""

import json
from itertools import groupby
from typing import Any

from tests.model import rules
from tests.model.outcome import Message, Source, Transition
from tests.model.records import PARTITIONS, Event, iso, partition_of
from tests.model.state import Life, Pair, Partition

CHUNK_MESSAGES = 1_000
CHUNK_BYTES = 508 * 1024


def transition(log: Partition, pair: Pair, life: Life, before: str | None, cause: str | None) -> None:
    log.transitions.append(
        Transition(log.number, log.offset, pair.store_id, pair.member_id, before, life.tier, life.day, cause)
    )
    log.tallies.transitions[pair.store_id, life.day, before or "none", life.tier or "none"] += 1
    emit(log, pair, life, "transition", cause, **{"from": before, "to": life.tier})


def emit(log: Partition, pair: Pair, life: Life, kind: str, cause: str | None = None, **fields: object) -> None:
    """Publish a message with the whole snapshot as of the membership's E."""
    source = Source("member-events", log.number, log.offset, pair.store_id, pair.member_id, log.index)
    names = {"kind": kind, "store_id": pair.store_id, "member_id": pair.member_id, "day": iso(life.day)}
    content = names | {"from": None, "to": None, "cause": cause} | snapshot(log, life) | fields
    log.messages.append(Message(source, partition_of(pair.store_id), content))
    log.index += 1
    life.unsent = False


def snapshot(log: Partition, life: Life) -> dict[str, Any]:
    """A membership that has left has no tier, and nothing but its day in the snapshot."""
    there = life.tier is not None
    return {
        "tier": life.tier,
        "score": rules.score(life.days, life.day, log.settings) if there else 0,
        "score_day": iso(life.day),
        "last_active": iso(max(life.days)) if there else None,
        "interests": rules.sent_interests(life.interests, life.day) if there else None,
        "district": life.district if there else None,
        "invited_by": life.invited_by if there else None,
    }


def grouped_message(event: Event) -> dict[str, Any]:
    return {
        "member_id": event.member_id,
        "id": event.id,
        "occurred_at": event.occurred_at,
        "reply_to": event.data.get("reply_to"),
        "mentions": event.data.get("mentions", []),
    }


def publish_group_days(log: Partition, day: int) -> None:
    ordered = sorted(log.grouped, key=lambda entry: entry[:2])
    log.grouped.clear()
    for (store, group), entries in groupby(ordered, key=lambda entry: entry[:2]):
        for number, messages in enumerate(chunks([message for _, _, message in entries])):
            source = Source("member-events", log.number, log.offset, store, "#" + group, number)
            content = {"kind": "group_day", "store_id": store, "group_id": group}
            content |= {"day": iso(day), "messages": messages}
            log.messages.append(Message(source, partition_of(store), content))


def chunks(messages: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """As many as fit, then the next: by number, and by size with a byte between two."""
    cut: list[list[dict[str, Any]]] = []
    room = 0
    for message in messages:
        size = len(json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()) + 1
        if not cut or len(cut[-1]) == CHUNK_MESSAGES or size > room:
            cut.append([])
            room = CHUNK_BYTES
        cut[-1].append(message)
        room -= size
    return cut


def publish_partition_closed(log: Partition, day: int) -> None:
    for target in range(PARTITIONS):
        source = Source("member-events", log.number, log.offset, "", "", target)
        content = {"kind": "partition_closed", "source_partition": log.number, "day": iso(day)}
        content |= {"settings_number": log.settings_number, "half_life": log.settings.half_life}
        log.messages.append(Message(source, target, content))
