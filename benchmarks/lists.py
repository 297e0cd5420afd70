"""Every list route of the gateway, one request after the other: how long a page takes at a million memberships."""

import re
from collections.abc import Mapping, Sequence
from itertools import cycle

from benchmarks.arithmetic import percentile
from benchmarks.client import Client, Refused
from benchmarks.crowd import LARGE
from benchmarks.results import Figure, Measure
from benchmarks.scale import Scale
from benchmarks.workload import member_id
from benchmarks.world import Tell, World
from libs.common import clock
from libs.common.activity import TIERS
from libs.common.days import day_to_iso

BOUND_MS = 50
PAGES = 20  # of a list, before it begins again
ROWS = 200  # of a page: the most that a caller may ask for
STORE, GROUP, PLAN = f"/v1/stores/{LARGE}", f"/v1/groups/{LARGE}~g", f"/v1/plans/{LARGE}~p0-9"
GROUPS = range(20)
_NEXT = re.compile(rb'"next_cursor":"([^"]+)"')

Paths = Mapping[str, Sequence[str]]  # the name of a list -> paths that it is asked by, in turn


def lists(day: int) -> Paths:
    """Every list that has pages, by each of its filters, of the large store on store day `day`."""
    month = f"day={day_to_iso(day - 27)}..{day_to_iso(day)}"
    year = f"from={day_to_iso(day - 365)}&to={day_to_iso(day)}"
    return {
        "stores": ["/v1/stores?"],
        **_members(),
        "activity of a year": [f"{STORE}/activity?{year}"],
        "transitions of the open day": [f"{STORE}/transitions?"],
        "transitions of a month": [f"{STORE}/transitions?{month}"],
        "transitions of a month, weekly to daily": [f"{STORE}/transitions?{month}&from=weekly&to=daily"],
        "transitions of a month, a rare kind": [f"{STORE}/transitions?{month}&from=daily&to=thrice_daily"],
        "transitions of a month, a kind that never was": [f"{STORE}/transitions?{month}&from=lost&to=daily"],
        **{
            name: [f"{STORE}/{name}?"]
            for name in ("cohorts", "districts", "waiting", "seeds", "vips", "freeloaders", "duplicates", "commands")
        },
        "tasks": [f"{STORE}/tasks?"],
        "tasks of a kind": [f"{STORE}/tasks?kind={kind}" for kind in ("personal_ticket", "leave_due", "stranger")],
        "groups": [f"{STORE}/groups?"],
        "groups of a theme": [f"{STORE}/groups?theme=t{n}" for n in range(8)],
        "people of a group": [f"{GROUP}{n}/members?" for n in GROUPS],
        "invitations of a group": [f"{GROUP}{n}/invitations?" for n in GROUPS],
        "days of a group": [f"{GROUP}{n}/activity?" for n in GROUPS],
        "plans": [f"{STORE}/plans?"],
        "plan": [f"{PLAN}?"],
        "plan by gain": [f"{PLAN}?sort=gain"],
        "plan by gain, what is approved": [f"{PLAN}?state=approved&sort=gain"],
        "timeline": [f"{member}/timeline?" for member in _busy()],
        "dead letters": ["/v1/ops/dead-letters?"],
    }


def _members() -> Paths:
    beginnings = [member_id(n)[:length] for length in range(3, 8) for n in (0, 123_456, 199_999)]
    return {
        "members by score": [f"{STORE}/members?"],
        "members by id": [f"{STORE}/members?sort=member"],
        "members of a tier": [f"{STORE}/members?tier={tier}" for tier in TIERS],
        "members by the beginning of their id": [f"{STORE}/members?q={begin}" for begin in beginnings],
        "members of a tier by the beginning of their id": [
            f"{STORE}/members?tier=weekly&q={begin}" for begin in beginnings
        ],
        "members of a group": [f"{STORE}/members?group={LARGE}~g{n}" for n in GROUPS],
        "members of a theme": [f"{STORE}/members?theme=t{n}" for n in range(8)],
        "members of a theme and a tier": [f"{STORE}/members?theme=t{n}&tier=daily" for n in range(8)],
        "members of a theme by id": [f"{STORE}/members?theme=t{n}&sort=member" for n in range(8)],
    }


def wholes() -> Paths:
    """What comes in one piece and is as much work as a list."""
    return {
        "store": [STORE],
        **{name: [f"{STORE}/{name}"] for name in ("flow", "matrix", "themes", "settings")},
        "group": [f"{GROUP}{n}" for n in GROUPS],
        "explanation": [f"{member}/explain" for member in _busy()],
        "scores": [f"{member}/scores" for member in _busy()],
        "invitations of a member": [f"{member}/invitations" for member in _busy()],
        "lag": ["/v1/ops/lag"],
    }


def _busy() -> list[str]:
    """Members with many events."""
    return [f"/v1/members/{member_id(7 + 200 * n)}" for n in range(20)]


async def walk(world: World, found: Measure, scale: Scale, day: int, tell: Tell) -> None:
    """Ask for pages of each list and add what they took to `found`."""
    paged = {name: [f"{path}&limit={ROWS}" for path in paths] for name, paths in lists(day).items()}
    async with Client(world.stack.urls.gateway, world.stack.server_key) as client:
        for name, paths in {**paged, **wholes()}.items():
            tell(f"P6: {name}")
            await _walk(client, paths, len(paths))  # Postgres' plans are made and what it reads is in memory
            took = await _walk(client, paths, scale.list_requests)
            p50, p99 = percentile(took, 0.5), percentile(took, 0.99)
            found.figures.append(Figure(f"{name}, p99 (p50 {p50:.1f} ms)", p99, "ms", BOUND_MS, "at most"))


async def _walk(client: Client, paths: Sequence[str], requests: int) -> list[float]:
    """The milliseconds of so many requests: some pages of each list in turn, each as the one before leads to it."""
    took: list[float] = []
    for first in cycle(paths):
        path: str | None = first
        for _ in range(PAGES):
            if path is None or len(took) == requests:
                break
            began = clock.monotonic()
            answer = await client.request(client.head("GET", path))
            took.append((clock.monotonic() - began) * 1e3)
            if answer.status != 200:
                raise Refused(status=answer.status, what=path, body=answer.body.decode())
            cursor = _NEXT.search(answer.body)
            path = None if cursor is None else f"{first}&cursor={cursor[1].decode()}"
        if len(took) == requests:
            break
    return took
