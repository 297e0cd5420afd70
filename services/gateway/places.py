"""Where members stand in the groups of their stores: functions of a connection."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import asyncpg

from libs.common.days import day_to_iso
from libs.common.postgres import Connection
from services.gateway.member_shapes import Invitation, Place, Placement
from services.gateway.members import maybe_instant, maybe_iso
from services.gateway.snapshot import QUERIES

Places = Mapping[str, Place]  # by store


async def load_places(conn: Connection, members: Sequence[str]) -> Mapping[str, Places]:
    """The places of some members, in whatever store."""
    placements: defaultdict[tuple[str, str], list[Placement]] = defaultdict(list)
    for row in await conn.fetch(QUERIES["placements_of"], members):
        placements[row["member_id"], row["store_id"]].append(_placement(row))
    found: defaultdict[str, dict[str, Place]] = defaultdict(dict)
    for row in await conn.fetch(QUERIES["places"], members):
        member, store = row["member_id"], row["store_id"]
        found[member][store] = _place(row, placements.get((member, store), []))
    return found


def _place(row: asyncpg.Record, placements: list[Placement]) -> Place:
    return Place(
        group_id=row["group_id"],
        waiting_since=maybe_iso(row["waiting"]),
        is_seed=row["seed"],
        is_vip=row["vip"],
        no_invitations=row["no_invitations"],
        placements=placements,
    )


def _placement(row: asyncpg.Record) -> Placement:
    return Placement(
        placement_id=row["placement_id"],
        group_id=row["group_id"],
        group_name=row["group_name"],
        from_group=row["from_group"],
        state=row["state"],
        ticket=row["ticket"],
        day=day_to_iso(row["day"]),
        expires=maybe_iso(row["expires"]) if row["state"] == "invited" else None,
        seen_at=maybe_instant(row["seen_at"]),
    )


async def load_invitations(conn: Connection, member_id: str, stores: Sequence[str] | None) -> list[Invitation]:
    """A member's open invitations in these stores (None: all)."""
    return [_invitation(row) for row in await conn.fetch(QUERIES["invitations"], member_id, stores)]


def _invitation(row: asyncpg.Record) -> Invitation:
    is_open_to_all = row["ticket"] == "qr"  # a personal one is a task of a manager, who asks in person
    return Invitation(
        placement_id=row["placement_id"],
        store_id=row["store_id"],
        group_id=row["group_id"],
        group_name=row["group_name"],
        from_group=row["from_group"],
        ticket=row["ticket"],
        join_url=row["join_url"] if is_open_to_all else None,
        qr_url=valid_qr(row) if is_open_to_all else None,
        invited=day_to_iso(row["invited"]),
        expires=day_to_iso(row["expires"]),
        seen_at=maybe_instant(row["seen_at"]),
    )


def valid_qr(row: asyncpg.Record) -> str | None:
    """The URL of a group's QR, unless it has expired before the store day."""
    expires, today = row["qr_expires"], row["today"]
    url: str | None = row["qr_url"]
    return url if expires is None or today is None or expires >= today else None
