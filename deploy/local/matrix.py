"""A store's matrix as its manager handles it: waiting for what is made of it, opening groups up, approving."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event

import httpx
import msgspec

from deploy.local.orders import Order, Refused, carry_out, give, outcome, pages, read
from libs.common.clock import monotonic
from libs.common.commands import ItemsBody, UpdateBody
from libs.common.days import day_from_iso
from libs.common.errors import QunliError
from services.gateway import command_shapes, group_shapes, matrix_shapes

LOOK_SECONDS = 0.1
# Segmentation says where it stands with every step, and a solver has its own deadline.
PATIENCE_SECONDS = 180.0
CLOSED: frozenset[str] = frozenset(["closing", "archived"])


class NothingMoves(QunliError):
    """Segmentation has not moved on for {seconds:.0f} s ({store}: {what}); its log tells why."""


class NoPlan(QunliError):
    """The plan {plan} failed: {reason}"""


@dataclass(frozen=True, slots=True)
class Look:
    """A store's matrix, None before its first record. `position`: where segmentation stands, long work told as open."""

    matrix: matrix_shapes.Matrix | None
    position: str

    def has_begun(self, day: int) -> bool:
        """Whether the close before `day` (a day number) is applied to its end."""
        here = self.matrix.day if self.matrix else None
        return here is not None and day_from_iso(here) >= day and "close=" not in self.position

    @property
    def is_answered(self) -> bool:
        """Whether no plan is being made, and none applied."""
        return self.matrix is not None and self.matrix.requested_plan is None and "close=" not in self.position


def look(gateway: httpx.Client, store: str) -> Look:
    """The store as it is."""
    response = gateway.get(f"/v1/stores/{store}/matrix")
    if not response.is_success:
        return Look(None, f"status {response.status_code}")
    matrix = msgspec.json.decode(response.content, type=matrix_shapes.Matrix)
    return Look(matrix, response.headers.get("X-Qunli-As-Of", ""))


def await_day(
    gateway: httpx.Client, store: str, day: int, report: Callable[[Look], None] = lambda _: None
) -> matrix_shapes.Matrix:
    """The store, once the close before `day` is applied. NothingMoves."""
    return _await(gateway, store, "the day's close", lambda found: found.has_begun(day), report)


def await_plan(gateway: httpx.Client, store: str) -> matrix_shapes.Matrix:
    """The store, once its request for a plan is answered. NothingMoves."""
    return _await(gateway, store, "the plan", lambda found: found.is_answered, lambda _: None)


def _await(
    gateway: httpx.Client, store: str, what: str, holds: Callable[[Look], bool], report: Callable[[Look], None]
) -> matrix_shapes.Matrix:
    moved, before = monotonic(), ""
    while True:
        try:
            found = look(gateway, store)
        except httpx.TransportError as error:
            found = Look(None, type(error).__name__)
        report(found)
        if found.matrix is not None and holds(found):
            return found.matrix
        moved, before = (moved, before) if found.position == before else (monotonic(), found.position)
        if monotonic() - moved > PATIENCE_SECONDS:
            raise NothingMoves(seconds=PATIENCE_SECONDS, store=store, what=what)
        Event().wait(LOOK_SECONDS)


def groups_of_store(gateway: httpx.Client, store: str) -> Iterator[group_shapes.GroupShort]:
    """Every group of a store, those that are closed included."""
    for page in pages(gateway, f"/v1/stores/{store}/groups", group_shapes.Groups):
        yield from page.items


def open_up(
    gateway: httpx.Client, store: str, facts: Callable[[group_shapes.GroupShort], UpdateBody]
) -> list[group_shapes.GroupShort]:
    """Give `facts` (managers and a way in) to every living group that has none, so that people can be invited.

    All living groups as they were.
    """
    living = [group for group in groups_of_store(gateway, store) if group.state not in CLOSED]
    bare = [group for group in living if not group.is_ready]
    orders = [Order("PUT", f"/v1/groups/{group.group_id}", f"open-up:{group.group_id}", facts(group)) for group in bare]
    for given in [give(gateway, order) for order in orders]:
        if (found := outcome(gateway, given)).state == "refused":
            raise Refused(command=found.command, reason=found.reason)
    return living


def must_be_solved(gateway: httpx.Client, store: str) -> None:
    """NoPlan if the latest plan of a store failed."""
    for plan in read(gateway, f"/v1/stores/{store}/plans", group_shapes.Plans, {"limit": 1}).items:
        if plan.state == "failed":
            raise NoPlan(plan=plan.plan_id, reason=plan.reason)


def approve_all(gateway: httpx.Client, plan: str) -> command_shapes.Outcome:
    """Approve whatever of a plan is undecided."""
    return carry_out(gateway, Order("POST", f"/v1/plans/{plan}/approve", f"approve:{plan}", ItemsBody(all=True)))
