"""Engagement's tables: functions that take a connection. Rows are folded per key and sorted by it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from struct import pack, unpack
from typing import Any

import msgspec

from libs.common.activity import DEFAULT_SETTINGS, pack_days, score_at, unpack_days
from libs.common.arrays import columns, flags, floats, numbers, octets, texts
from libs.common.events import GroupMessage, ScoreSettings, encode
from libs.common.postgres import Connection, load_queries
from libs.common.traceparents import trace_id_of
from services.engagement.domain.advance import Outcome
from services.engagement.domain.batch import Key
from services.engagement.domain.effects import FigureKey, Rank, TierKey, TransitionRow
from services.engagement.domain.intake import Entry
from services.engagement.domain.interests import Interests
from services.engagement.domain.membership import Membership, when_due

Q = load_queries(Path(__file__).parent)
_decode_settings = msgspec.json.Decoder(ScoreSettings).decode
_decode_interests = msgspec.json.Decoder(dict[str, tuple[int, int]]).decode


@dataclass(slots=True)
class Partition:
    """What engagement keeps in memory of a partition, beside its row: counts by tier, and caches."""

    number: int
    closed_day: int | None = None
    closed_offset: int | None = None
    applied_offset: int = -1
    settings_number: int = 0
    settings: ScoreSettings = DEFAULT_SETTINGS
    previous_settings: ScoreSettings | None = None
    duplicates: int = 0
    grouped: bool = False  # messages of groups wait for the next close
    shares: bool = True  # closes may share a step: the last ones had little to do
    tiers: dict[TierKey, tuple[int, int]] = field(default_factory=dict)  # members, ahead
    members: dict[Key, Membership] = field(default_factory=dict)
    figures: dict[FigureKey, int] = field(default_factory=dict)


async def load_partition(connection: Connection, number: int) -> Partition:
    """A partition's state with empty caches."""
    partition = Partition(number)
    row = await connection.fetchrow(Q["load_partition"], number)
    if row is not None:
        partition.closed_day, partition.closed_offset = row["closed_day"], row["closed_offset"]
        partition.applied_offset, partition.duplicates = row["applied_offset"], row["duplicates"]
        partition.settings_number = row["settings_number"]
        partition.settings = _decode_settings(row["settings"])
        previous = row["previous_settings"]
        partition.previous_settings = None if previous is None else _decode_settings(previous)
    partition.grouped = await connection.fetchval(Q["has_group_messages"], number)
    for tier in await connection.fetch(Q["load_tiers"], number):
        partition.tiers[tier["store_id"], tier["tier"]] = (tier["members"], tier["ahead"])
    return partition


async def save_partition(connection: Connection, partition: Partition) -> None:
    """Write a partition's state (not its counts and caches)."""
    previous = partition.previous_settings
    await connection.execute(
        Q["save_partition"],
        partition.number,
        partition.closed_day,
        partition.closed_offset,
        partition.applied_offset,
        partition.settings_number,
        encode(partition.settings).decode(),
        None if previous is None else encode(previous).decode(),
        partition.duplicates,
    )


# --- journal ----------------------------------------------------------------------------------------------------


async def insert_journal(connection: Connection, partition: int, entries: Iterable[Entry]) -> set[int]:
    """Make events known. Returns the offsets of those that were not known before."""
    rows = sorted(entries, key=lambda entry: (entry.event.member_id, entry.event.id))
    new = await connection.fetch(
        Q["insert_journal"],
        partition,
        texts([e.event.member_id for e in rows]),
        texts([e.event.id for e in rows]),
        octets([e.body_hash for e in rows]),
        numbers([e.offset for e in rows]),
        texts([e.event.store_id for e in rows]),
        texts([e.type for e in rows]),
        numbers([e.event.occurred_at for e in rows]),
        numbers([e.event.received_at for e in rows]),
        numbers([e.at[0] for e in rows]),
        texts([trace_id_of(e.traceparent) for e in rows]),
        texts([encode(e.event.data).decode() for e in rows]),
    )
    return {row["log_offset"] for row in new}


async def load_hashes(connection: Connection, entries: Sequence[Entry]) -> dict[tuple[str, str], bytes]:
    """The body hashes that stand for the (member, id) of entries that were known before."""
    keys = [(e.event.member_id, e.event.id) for e in entries]
    rows = await connection.fetch(Q["load_hashes"], *columns(keys, texts, texts)) if keys else []
    return {(row["member_id"], row["id"]): row["body_hash"] for row in rows}


async def save_outcomes(connection: Connection, outcomes: Iterable[tuple[Entry, Outcome]]) -> None:
    """Note what became of events that were not simply counted."""
    rows = sorted((e.event.member_id, e.event.id, outcome) for e, outcome in outcomes if outcome != "counted")
    if rows:
        await connection.execute(Q["save_outcomes"], *columns(rows, texts, texts, texts))


# --- memberships ------------------------------------------------------------------------------------------------


async def load_memberships(connection: Connection, keys: Iterable[Key]) -> dict[Key, Membership]:
    """The memberships of those keys that have a row."""
    wanted = sorted(keys)
    if not wanted:
        return {}
    rows = await connection.fetch(Q["load_memberships"], *columns(wanted, texts, texts))
    return {(row["store_id"], row["member_id"]): _membership(row) for row in rows}


def _membership(row: Any) -> Membership:
    former: bytes = row["former_days"]
    return Membership(
        **{
            **row,
            "days": unpack_days(row["days"]),
            "former_days": unpack(f"<{len(former) // 4}I", former),
            "interests": _decode_interests(row["interests"]),
        }
    )


async def find_due(connection: Connection, partition: int, to_day: int, offset: int, limit: int) -> list[Key]:
    """Memberships for which the close at `offset`, which leads to `to_day`, has something left to do."""
    rows = await connection.fetch(Q["due"], partition, to_day, offset, limit)
    return [(row["store_id"], row["member_id"]) for row in rows]


async def find_living(connection: Connection, partition: int, after: Key, limit: int) -> list[Key]:
    """Living memberships in order of their keys."""
    rows = await connection.fetch(Q["living_after"], partition, *after, limit)
    return [(row["store_id"], row["member_id"]) for row in rows]


async def save_memberships(
    connection: Connection, partition: int, memberships: Iterable[Membership], settings: ScoreSettings
) -> None:
    """Write memberships as they are now."""
    rows = sorted(memberships, key=_key)
    if not rows:
        return
    await connection.execute(
        Q["save_memberships"],
        partition,
        texts([m.store_id for m in rows]),
        texts([m.member_id for m in rows]),
        flags([m.alive for m in rows]),
        numbers([m.eval_day for m in rows]),
        numbers([when_due(m) for m in rows]),
        numbers([m.applied_offset for m in rows]),
        numbers([m.first_day for m in rows]),
        numbers([m.created_at for m in rows]),
        numbers([m.created_offset for m in rows]),
        numbers([m.left_at for m in rows]),
        texts([m.tier for m in rows]),
        texts([m.start_tier for m in rows]),
        numbers([m.since_day for m in rows]),
        flags([m.unsent for m in rows]),
        flags([m.ahead for m in rows]),
        numbers([score_at(m.days, m.eval_day, settings) for m in rows]),
        numbers([m.last_active for m in rows]),
        octets([pack_days(m.days) for m in rows]),
        numbers([m.run_start for m in rows]),
        octets([pack(f"<{len(m.former_days)}I", *m.former_days) for m in rows]),
        texts([_encode_interests(m.interests) for m in rows]),
        texts([m.district for m in rows]),
        texts([m.invited_by for m in rows]),
    )


def _key(m: Membership) -> Key:
    return m.store_id, m.member_id


def _encode_interests(interests: Interests) -> str:
    return encode(interests).decode()


async def save_standings(connection: Connection, ranks: Mapping[Key, Rank | None]) -> None:
    """Rank memberships anew; those without a rank leave the list."""
    rows = sorted((*key, *rank) for key, rank in ranks.items() if rank is not None)
    if rows:
        await connection.execute(Q["save_standings"], *columns(rows, texts, texts, texts, floats, numbers))
    gone = sorted(key for key, rank in ranks.items() if rank is None)
    if gone:
        await connection.execute(Q["delete_standings"], *columns(gone, texts, texts))


# --- what follows -----------------------------------------------------------------------------------------------


async def insert_transitions(
    connection: Connection,
    partition: int,
    rows: Sequence[TransitionRow],
    midnights: Mapping[int, int],
    trace_ids: Mapping[int, str | None],
) -> None:
    """Write transitions. `midnights`: the instant at which a day begins; `trace_ids` by source offset."""
    if not rows:
        return
    await connection.execute(
        Q["insert_transitions"],
        partition,
        numbers([r.source.offset for r in rows]),
        texts([r.source.store for r in rows]),
        texts([r.member_id for r in rows]),
        numbers([r.source.index for r in rows]),
        numbers([r.day for r in rows]),
        texts([r.from_tier for r in rows]),
        texts([r.to_tier for r in rows]),
        texts([r.cause for r in rows]),
        numbers([midnights[r.day] if r.occurred_at is None else r.occurred_at for r in rows]),
        texts([trace_ids.get(r.source.offset) for r in rows]),
    )


async def load_figures(connection: Connection, partition: int, keys: Iterable[FigureKey]) -> dict[FigureKey, int]:
    """The figures of those keys that have a row."""
    wanted = list(keys)
    if not wanted:
        return {}
    rows = await connection.fetch(Q["load_figures"], partition, *columns(wanted, texts, numbers, texts))
    return {(row["store_id"], row["day"], row["figure"]): row["n"] for row in rows}


async def save_figures(connection: Connection, partition: int, figures: Mapping[FigureKey, int]) -> None:
    """Write figures, absolute values."""
    if figures:
        rows = sorted((*key, n) for key, n in figures.items())
        await connection.execute(Q["save_figures"], partition, *columns(rows, texts, numbers, texts, numbers))


async def save_tiers(connection: Connection, partition: int, tiers: Mapping[TierKey, tuple[int, int]]) -> None:
    """Write the counts of living memberships by tier, absolute values."""
    if tiers:
        rows = sorted((*key, *counts) for key, counts in tiers.items())
        await connection.execute(Q["save_tiers"], partition, *columns(rows, texts, texts, numbers, numbers))


# --- group days -------------------------------------------------------------------------------------------------

GroupRow = tuple[int, str, str, GroupMessage]  # offset, store, group, message


async def insert_group_messages(connection: Connection, partition: int, rows: Sequence[GroupRow]) -> None:
    """Keep messages of groups until their day's close."""
    if not rows:
        return
    await connection.execute(
        Q["insert_group_messages"],
        partition,
        numbers([offset for offset, _, _, _ in rows]),
        texts([store for _, store, _, _ in rows]),
        texts([group for _, _, group, _ in rows]),
        texts([message.member_id for *_, message in rows]),
        texts([message.id for *_, message in rows]),
        numbers([message.occurred_at for *_, message in rows]),
        texts([message.reply_to for *_, message in rows]),
        texts([encode(message.mentions).decode() for *_, message in rows]),
    )


async def take_group_messages(connection: Connection, partition: int, before: int) -> list[GroupRow]:
    """The kept messages that stand before offset `before`, by store, group and offset; they are kept no longer."""
    rows = await connection.fetch(Q["group_messages"], partition, before)
    if rows:
        await connection.execute(Q["delete_group_messages"], partition, before)
    return [(r["log_offset"], r["store_id"], r["group_id"], _group_message(r)) for r in rows]


def _group_message(row: Any) -> GroupMessage:
    mentions = tuple(msgspec.json.decode(row["mentions"], type=tuple[str, ...]))
    return GroupMessage(row["member_id"], row["id"], row["occurred_at"], row["reply_to"], mentions)
