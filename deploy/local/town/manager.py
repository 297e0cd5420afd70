"""The stores' manager: designs when there are members enough, opens groups up, approves every night's plan."""

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx

from deploy.local.matrix import approve_all, await_day, await_plan, groups_of_store, open_up
from deploy.local.orders import Order, carry_out, give, pages, read
from deploy.local.town.facts import Ticket
from deploy.local.town.reports import PREFIX, platform_name
from deploy.local.town.together import StoreNews
from deploy.local.town.town import Store
from libs.common.commands import DistrictsBody, Proximity, StoreSettings, UpdateBody
from libs.common.days import HOUR_MS, day_to_iso
from services.gateway import group_shapes, store_shapes

ENOUGH = 150  # members that a store is designed for
MANAGERS = 5
AT_ONCE = 8  # commands
INVITES_AT = 8 * HOUR_MS  # of the day


def settle(gateway: httpx.Client, store: Store, day: int) -> tuple[str, ...]:
    """Bring a store from its close to the morning of `day`: groups opened up, the plan of the night approved.

    Returns which groups the close has found failing or dead, by their names on the platform.
    """
    await_day(gateway, store.id, day)
    failing = (group for group in groups_of_store(gateway, store.id) if group.state in ("failing", "dead"))
    found = tuple(platform_name(group.group_id) for group in failing)
    _plan(gateway, store, day)
    return found


def _plan(gateway: httpx.Client, store: Store, day: int) -> None:
    shown = await_plan(gateway, store.id)
    if shown.designed_on is None:
        if read(gateway, f"/v1/stores/{store.id}", store_shapes.Store).members < ENOUGH:
            return
        for order in _design(store, day):
            carry_out(gateway, order)
        shown = await_plan(gateway, store.id)
    open_up(gateway, store.id, lambda group: _facts(store, group))
    if shown.plan is not None:
        approve_all(gateway, shown.plan)


def _design(store: Store, day: int) -> Sequence[Order]:
    path = f"/v1/stores/{store.id}"
    names, near = store.places.names, store.places.proximity().tolist()
    pairs = [(a, b) for a in range(len(names)) for b in range(a) if near[a][b]]
    proximities = DistrictsBody(tuple(Proximity(names[a], names[b], near[a][b]) for a, b in pairs))
    return (
        Order("PUT", f"{path}/settings", "town-settings", StoreSettings(auto_open=True)),
        Order("PUT", f"{path}/districts", "town-districts", proximities),
        Order("POST", f"{path}/designs", f"town-design:{day_to_iso(day)}"),
    )


def _facts(store: Store, group: group_shapes.GroupShort) -> UpdateBody:
    """A manager, a way in, and the name that the platform gives a group."""
    platform_id = platform_name(group.group_id).removeprefix(PREFIX)
    number = int(group.group_id.rpartition("~g")[2])
    return UpdateBody(
        platform_id=platform_id,
        join_url=f"https://chat.example/join/{platform_id}",
        managers=(f"{store.id}-manager-{number % MANAGERS + 1}",),
    )


def read_news(
    gateway: httpx.Client, store: str, start: int, known: Collection[str], failing: tuple[str, ...]
) -> StoreNews:
    """A store's groups and the tickets that are not `known` (by placement), on the morning of a day from `start` on."""
    groups = [group for group in groups_of_store(gateway, store) if group.state != "archived"]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda group: _managed(gateway, group.group_id), groups))
        asked = list(pool.map(lambda group: list(_invitations(gateway, group.group_id)), groups))
    managers = {platform_name(group.group_id): managed for group, managed in zip(groups, found, strict=True)}
    tickets = [
        _ticket(group.group_id, one, start)
        for group, some in zip(groups, asked, strict=True)
        for one in some
        if one.placement_id not in known
    ]
    return StoreNews(managers, tuple(sorted(tickets, key=lambda ticket: ticket.placement)), failing)


def _managed(gateway: httpx.Client, group: str) -> tuple[str, ...]:
    return tuple(read(gateway, f"/v1/groups/{group}", group_shapes.Group).managers)


def _invitations(gateway: httpx.Client, group: str) -> Iterator[group_shapes.GroupInvitation]:
    for page in pages(gateway, f"/v1/groups/{group}/invitations", group_shapes.GroupInvitations):
        yield from page.items


def _ticket(group: str, one: group_shapes.GroupInvitation, start: int) -> Ticket:
    moves_from = None if one.from_group is None else platform_name(one.from_group)
    return Ticket(one.placement_id, platform_name(group), one.member_id, one.ticket, start + INVITES_AT, moves_from)


def send(gateway: httpx.Client, orders: Sequence[Order]) -> None:
    """Give commands, several at once, until the log has them all."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(lambda order: give(gateway, order), orders):
            pass
