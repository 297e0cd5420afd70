"""A chain's memberships as engagement would have left them on the eve of a close, loaded by COPY.

A few hundred histories are drawn and packed by engagement's own code; each membership takes one of them, so that a
million rows are made in seconds and every one of them is valid.
"""

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg

from benchmarks.workload import Chain, member_id
from benchmarks.world import Q, World
from libs.common.activity import DEFAULT_SETTINGS, ActiveDay, Tier, pack_days, rank_key, score_at, tier_at
from libs.common.topics import MEMBER_EVENTS, partition_of
from services.engagement.domain.membership import Membership, when_due

HISTORIES = 300
MOST_DAYS = 12


@dataclass(frozen=True, slots=True)
class History:
    """What memberships of one history share: columns of their rows after partition, store and member."""

    membership: str
    standing: str
    tier: Tier


def histories(today: int, active: float, seed: int = 1) -> list[History]:
    """Histories as they are on evaluation day `today`; a share `active` of them has an event of it, not told yet."""
    chance = random.Random(seed)
    due = round(active * HISTORIES)
    return [_history(chance, today, active_today=number < due) for number in range(HISTORIES)]


def _history(chance: random.Random, today: int, *, active_today: bool) -> History:
    last = today if active_today else today - chance.randint(1, 80)
    numbers = sorted({last, *(last - chance.randint(1, 40) for _ in range(chance.randrange(MOST_DAYS)))})
    days = tuple(ActiveDay(day, 1 << chance.randrange(24), 0, 2, 1, chance.randrange(2)) for day in numbers)
    tier = tier_at(days, today)
    return _packed(
        Membership(
            store_id="", member_id="", alive=True, eval_day=today, applied_offset=0, first_day=numbers[0],
            created_at=numbers[0] * 86_400_000, created_offset=0, tier=tier, start_tier=tier, since_day=last,
            unsent=active_today, last_active=last, days=days,
            interests={"baby": (1 << 20, last), "tea": (3 << 20, last)}, district="d-1",
        ),
        tier,
    )  # fmt: skip


def _packed(m: Membership, tier: Tier) -> History:
    """The columns as COPY reads them, in the order of `copy_memberships`."""
    score = score_at(m.days, m.eval_day, DEFAULT_SETTINGS)
    columns = (
        m.alive, m.eval_day, when_due(m), m.applied_offset, m.first_day, m.created_at, m.created_offset, m.left_at,
        m.tier, m.start_tier, m.since_day, m.unsent, m.ahead, score, m.last_active, pack_days(m.days), m.run_start,
        b"", json.dumps(m.interests), m.district, m.invited_by,
    )  # fmt: skip
    key = rank_key(score, m.eval_day, DEFAULT_SETTINGS.half_life)
    return History("\t".join(map(_text, columns)), "\t".join(map(_text, (tier, key, m.eval_day))), tier)


def _text(value: object) -> str:
    match value:
        case None:
            return "\\N"
        case bytes():
            return f"\\\\x{value.hex()}"
        case _:
            return str(value)


def load(world: World, chain: Chain, drawn: Sequence[History]) -> None:
    """Put every membership of a chain in place of what the tables hold. Engagement must not run."""
    world.run("empty_memberships")
    members = [(number, member_id(number)) for number in range(chain.members)]
    places = [(chain.store_of(n), member, partition_of(member, MEMBER_EVENTS.partitions)) for n, member in members]
    rows = [(*place, drawn[random.Random(number).randrange(len(drawn))]) for number, place in enumerate(places)]
    _copy(world.admin, "copy_memberships", (f"{p}\t{s}\t{m}\t{h.membership}\n" for s, m, p, h in rows))
    _copy(world.admin, "copy_standings", (f"{s}\t{m}\t{h.standing}\n" for s, m, _, h in rows))
    counts = Counter((s, p, h.tier) for s, _, p, h in rows)
    _copy(world.admin, "copy_tiers", (f"{s}\t{p}\t{tier}\t{n}\t0\n" for (s, p, tier), n in sorted(counts.items())))
    world.run("analyze")
    world.run("checkpoint")


def _copy(admin: "psycopg.Connection[tuple[object, ...]]", query: str, lines: Iterator[str]) -> None:
    with admin.cursor() as cursor, cursor.copy(Q[query].encode()) as copy:
        for line in lines:
            copy.write(line)
