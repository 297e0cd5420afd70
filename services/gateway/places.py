"""Where members stand in the groups of their stores."""

from collections.abc import Sequence

import asyncpg
import msgspec

from libs.common.days import day_to_iso
from libs.common.placements import TicketKind
from libs.common.postgres import Connection
from services.gateway.member_shapes import Invitation, Place, Placement, PlacementState
from services.gateway.members import maybe_instant, maybe_iso
from services.gateway.snapshot import QUERIES


class _Placed(msgspec.Struct, frozen=True):
    """A placement as `load_profiles` gives it."""

    placement_id: str
    group_id: str
    group_name: str
    from_group: str | None
    state: PlacementState
    ticket: TicketKind | None
    day: int
    expires: int | None
    seen_at: int | None


_decode_placed = msgspec.json.Decoder(list[_Placed]).decode


def place_of(row: asyncpg.Record) -> Place | None:
    """Where a membership stands in the groups, of a row of `load_profiles`; None: it has not been looked at yet."""
    if not row["placed"]:
        return None
    return Place(
        group_id=row["group_id"],
        waiting_since=maybe_iso(row["waiting"]),
        is_seed=row["seed"],
        is_vip=row["vip"],
        no_invitations=row["no_invitations"],
        placements=[_placement(one) for one in _decode_placed(row["placements"] or b"[]")],
    )


def _placement(one: _Placed) -> Placement:
    return Placement(
        placement_id=one.placement_id,
        group_id=one.group_id,
        group_name=one.group_name,
        from_group=one.from_group,
        state=one.state,
        ticket=one.ticket,
        day=day_to_iso(one.day),
        expires=maybe_iso(one.expires) if one.state == "invited" else None,
        seen_at=maybe_instant(one.seen_at),
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
