"""Holds engagement's tables and messages against the model's outcome.

`found` reads the tables in the model's terms; what was published is handed in, wherever it was read.
"""

import dataclasses
import datetime as dt
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec

from libs.common.activity import score_at, streak_at, unpack_days
from libs.common.events import ScoreSettings
from libs.common.postgres import Connection
from tests.model import outcome as model
from tests.model.figures import Figures
from tests.model.records import partition_of

Messages = dict[int, list[model.Message]]  # by source partition; of one target in the order of their seq


@dataclass(slots=True)
class Found:
    """The tables, in the model's terms, and the messages."""

    memberships: dict[model.Key, dict[str, Any]]
    standings: dict[model.Key, str]
    transitions: list[tuple[Any, ...]]
    messages: Messages
    figures: dict[str, int]
    journal: dict[model.Key, str]
    duplicates: dict[int, int]
    dead_letters: list[tuple[int, int, str]]
    closed: dict[int, int | None]
    tiers: Counter[tuple[str, str]]


async def found(connection: Connection, messages: Messages) -> Found:
    """Read everything that a log led to. The connection's search_path is the service's schema."""
    partitions = await connection.fetch("SELECT * FROM partition_state")
    closed = {row["partition"]: row["closed_day"] for row in partitions}
    memberships = await connection.fetch("SELECT * FROM membership WHERE alive")
    letters = await connection.fetch("SELECT partition, log_offset, code FROM dead_letter")
    return Found(
        memberships={
            (row["store_id"], row["member_id"]): _membership(row, closed.get(row["partition"])) for row in memberships
        },
        standings=await _by_key(connection, "SELECT store_id, member_id, tier FROM standing"),
        transitions=await _transitions(connection),
        messages=messages,
        figures=await _figures(connection),
        journal=await _by_key(connection, "SELECT member_id, id, outcome FROM journal"),
        duplicates={row["partition"]: row["duplicates"] for row in partitions if row["duplicates"]},
        dead_letters=sorted(map(tuple, letters)),
        closed=closed,
        tiers=await _tiers(connection),
    )


async def _by_key(connection: Connection, query: str) -> dict[model.Key, str]:
    return {(first, second): value for first, second, value in await connection.fetch(query)}


async def _transitions(connection: Connection) -> list[tuple[Any, ...]]:
    rows = await connection.fetch(
        "SELECT partition, log_offset, store_id, member_id, from_tier, to_tier, day, cause FROM transition"
        " ORDER BY partition, log_offset, store_id, member_id, index"
    )
    return [tuple(row) for row in rows]


async def _figures(connection: Connection) -> dict[str, int]:
    rows = await connection.fetch(
        "SELECT store_id, day, figure, sum(n) AS n FROM store_figure GROUP BY 1, 2, 3 HAVING sum(n) <> 0"
    )
    return {f"{row['store_id']} {row['day']} {row['figure']}": int(row["n"]) for row in rows}


async def _tiers(connection: Connection) -> Counter[tuple[str, str]]:
    rows = await connection.fetch(
        "SELECT store_id, tier, sum(members) AS n FROM store_tier GROUP BY 1, 2 HAVING sum(members) <> 0"
    )
    return Counter({(row["store_id"], row["tier"]): int(row["n"]) for row in rows})


def _membership(row: asyncpg.Record, closed: int | None) -> dict[str, Any]:
    today = row["eval_day"] if closed is None else max(row["eval_day"], closed + 1)
    days = unpack_days(row["days"])
    return {
        "tier": row["tier"],
        "day": today,
        "since": row["since_day"],
        "days": {
            d.day: ((d.join, d.message, d.check_in, d.purchase), tuple(h for h in range(24) if d.hours >> h & 1))
            for d in days
            if today - 90 < d.day
        },
        "all_days": days,
        "interests": {tag: tuple(v) for tag, v in msgspec.json.decode(row["interests"]).items()},
        "district": row["district"],
        "invited_by": row["invited_by"],
        "last_active": row["last_active"],
        "first_created": row["first_day"],
        "streak": streak_at(days, row["run_start"], today),
    }


def message(target: int, content: dict[str, Any]) -> model.Message:
    """A message from the decoded content of an outbox row or record (its seq taken off)."""
    content.pop("v")
    return model.Message(model.Source(**content.pop("source")), target, content)


def same(found: Found, expected: model.Outcome) -> None:
    """Every table and every message is the model's."""
    assert found.journal == expected.journal
    assert found.dead_letters == sorted((d.partition, d.offset, d.code) for d in expected.dead_letters)
    assert found.duplicates == {p: n for p, n in expected.duplicates.items() if n}
    assert found.transitions == sorted(
        (
            (t.partition, t.offset, t.store_id, t.member_id, t.from_tier, t.to_tier, t.day, t.cause)
            for t in expected.transitions
        ),
        key=lambda t: t[:4],
    )
    same_memberships(found, expected)
    same_messages(found.messages, expected)
    same_figures(found, expected)


def same_memberships(found: Found, expected: model.Outcome) -> None:
    """Living memberships, their score under the settings in force, the lists they stand in, the counts by tier."""
    assert found.memberships.keys() == expected.memberships.keys()
    for key, m in expected.memberships.items():
        row = dict(found.memberships[key])
        days = row.pop("all_days")
        rules = expected.settings[partition_of(key[1])][1]
        in_force = msgspec.convert(dataclasses.asdict(rules), ScoreSettings)
        assert score_at(days, row["day"], in_force) == m.score
        wanted = {name: getattr(m, name) for name in row}
        wanted["days"] = {day: (d.counts, d.hours) for day, d in m.days.items()}
        assert row == wanted
    assert found.standings == {key: m.tier for key, m in expected.memberships.items()}
    assert found.tiers == Counter((store, m.tier) for (store, _), m in expected.memberships.items())


def same_messages(messages: Messages, expected: model.Outcome) -> None:
    """As a set, and in order per membership."""
    for partition, wanted in expected.messages.items():
        mine = messages.get(partition, [])
        assert sorted(map(_text, mine)) == sorted(map(_text, wanted))
        assert _by_subject(mine) == _by_subject(wanted)
        _assert_closed_last(mine)


def _text(message: model.Message) -> str:
    return json.dumps((repr(message.source), message.target, message.content), sort_keys=True)


def _by_subject(messages: list[model.Message]) -> dict[tuple[int, str, str], list[model.Source]]:
    """The order that is promised: a membership's own messages, in log order."""
    subjects: dict[tuple[int, str, str], list[model.Source]] = {}
    for m in messages:
        subjects.setdefault((m.target, m.source.store, m.source.subject), []).append(m.source)
    return subjects


def _assert_closed_last(messages: list[model.Message]) -> None:
    """Nothing of a close follows its partition_closed."""
    closed: set[tuple[int, int]] = set()
    for m in messages:
        assert (m.target, m.source.offset) not in closed
        if m.content["kind"] == "partition_closed":
            closed.add((m.target, m.source.offset))


def same_figures(found: Found, expected: model.Outcome) -> None:
    """The figures of stores. by_tier is promised up to the last day that every partition has closed."""
    closed = expected.last_closed.values()
    common = -1 if any(day is None for day in closed) else min((d for d in closed if d is not None), default=-1)
    assert _settled(found.figures, common) == _settled(_named(expected.figures), common)


def _settled(figures: dict[str, int], last: int) -> dict[str, int]:
    return {name: n for name, n in figures.items() if not (" tier:" in name and int(name.split()[1]) > last)}


def _named(figures: Figures) -> dict[str, int]:
    """The model's figures as the table names them."""
    rows: dict[str, int] = {}
    for (store, day, tier), n in figures.by_tier.items():
        rows[f"{store} {day} tier:{tier}"] = n
    for (store, day, old, new), n in figures.flow.items():
        rows[f"{store} {day} net:{old}>{new}"] = n
    for (store, day, old, new), n in figures.transitions.items():
        rows[f"{store} {day} move:{old}>{new}"] = n
    for (store, day, currency), n in figures.amounts.items():
        rows[f"{store} {day} amount:{currency}"] = n
    for (store, born, week), n in figures.retention.items():
        rows[f"{store} {week} cohort:{dt.date(1970, 1, 1) + dt.timedelta(days=born):%Y%m%d}"] = n
    for name in ("active", "wau", "mau", "visits", "purchases", "joins", "cohort_size"):
        for (store, day), n in getattr(figures, name).items():
            rows[f"{store} {day} {name}"] = n
    return {name: n for name, n in rows.items() if n}
