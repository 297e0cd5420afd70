"""Query parameters of the routes, checked. A parameter that a route does not name is refused."""

import re
from typing import Annotated, Literal

from fastapi import Depends, Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from libs.common.activity import Tier
from libs.common.caller import ALL_STORES, MEMBER_SCOPES, SCOPES, Caller, MemberScope, Scope
from libs.common.callers import not_found
from libs.common.days import day_from_iso
from libs.common.feed import ItemKind
from libs.common.placements import GroupState
from services.gateway.answers import unfit
from services.gateway.group_shapes import ItemState
from services.gateway.matrix_shapes import TaskKind
from services.gateway.member_store import Stores
from services.gateway.pages import MOST_ROWS
from services.gateway.who import allow, allow_keys

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
REF = re.compile(r"[A-Za-z0-9._:~-]{1,200}")
LONGEST_PERIOD = 366  # days
FOUR_WEEKS = 28


def _a_day(text: str) -> str:
    day_from_iso(text)
    return text


IsoDay = Annotated[str, AfterValidator(_a_day), Field(json_schema_extra={"format": "date"}, examples=["2026-11-22"])]
TierOrNone = Literal[Tier, "none"]


class Params(BaseModel):
    """Base of a route's query parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


class PageParams(Params):
    """Parameters of every list."""

    limit: Annotated[int, Field(ge=1, le=MOST_ROWS, description="rows of a page")] = 100
    cursor: Annotated[str | None, Field(max_length=1000, description="next_cursor of the page before")] = None


class MembersParams(PageParams):
    """Which members of a store, and in which order."""

    tier: Annotated[Tier | None, Field(examples=["weekly"])] = None
    q: Annotated[
        str | None, Field(pattern=_ID.pattern + "$", description="the beginning of the member id", examples=["m-4"])
    ] = None
    group: Annotated[
        str | None, Field(pattern=f"^{REF.pattern}$", description="members of this group", examples=["sh-001~g7"])
    ] = None
    theme: Annotated[
        str | None,
        Field(pattern=f"^{_ID.pattern}$", description="members of groups of this theme", examples=["babies"]),
    ] = None
    sort: Annotated[Literal["score", "member"], Field(description="score: highest first; member: by id")] = "score"


class ActivityParams(PageParams):
    """The days `from` to `to`; without them the last four weeks."""

    from_day: Annotated[IsoDay | None, Field(alias="from")] = None
    to_day: Annotated[IsoDay | None, Field(alias="to")] = None

    def period(self, latest: int) -> tuple[int, int]:
        """First and last day; `latest` is the last one unless another is named. Problem invalid."""
        last = latest if self.to_day is None else day_from_iso(self.to_day)
        first = last - FOUR_WEEKS + 1 if self.from_day is None else day_from_iso(self.from_day)
        if first > last:
            raise unfit("from", "from is after to")
        return first, last


class TransitionsParams(PageParams):
    """Transitions between two tiers on a day or over a period."""

    from_tier: Annotated[TierOrNone | None, Field(alias="from", description="none: created", examples=["weekly"])] = (
        None
    )
    to_tier: Annotated[TierOrNone | None, Field(alias="to", description="none: ended", examples=["daily"])] = None
    day: Annotated[
        str | None,
        Field(
            max_length=22,
            description="a day, or a period FIRST..LAST of up to 366 days; without it the open day",
            examples=["2026-11-22", "2026-11-01..2026-11-22"],
        ),
    ] = None


class TasksParams(PageParams):
    """Which tasks."""

    kind: Annotated[TaskKind | None, Field(examples=["leave_due"])] = None


class GroupsParams(PageParams):
    """Which groups of a store."""

    theme: Annotated[str | None, Field(pattern=f"^{_ID.pattern}$", examples=["babies"])] = None
    area: Annotated[str | None, Field(pattern=f"^{REF.pattern}$", examples=["sh-001~a1"])] = None
    state: Annotated[GroupState | None, Field(examples=["open"])] = None


class ItemsParams(PageParams):
    """Which items of a plan, and in which order."""

    kind: Annotated[ItemKind | None, Field(examples=["move"])] = None
    state: Annotated[ItemState | None, Field(examples=["proposed"])] = None
    sort: Annotated[Literal["number", "gain"], Field(description="number: as planned; gain: largest first")] = "number"


class CommandParams(Params):
    """What the `Location` of a command's answer carries."""

    after: Annotated[
        str | None,
        Field(
            max_length=200,
            description="where the command stands on the log: until that is applied it is pending",
            examples=["store-feed/3=1207"],
        ),
    ] = None
    body: Annotated[
        str | None,
        Field(
            pattern="^[0-9a-f]{32}$",
            description="what was asked: of another body it is a conflict",
            examples=["b1946ac92492d2347c6235b4d2611184"],
        ),
    ] = None


class FlowParams(Params):
    """The day of the flow; without it the open day."""

    day: IsoDay | None = None


class ScoresParams(Params):
    """How many days, the evaluation day included."""

    days: Annotated[int, Field(ge=1, le=LONGEST_PERIOD)] = 90


# Who may read of a member: a server key or session any of its stores', a member token its own.
OF_MEMBER: tuple[Scope | MemberScope, ...] = ("stores:read", "profile:read")
Reader = Annotated[Caller, Depends(allow("stores:read"))]
MemberReader = Annotated[Caller, Depends(allow(*OF_MEMBER))]
# Operators' reads; what changes something is for their keys alone.
Operator = Annotated[Caller, Depends(allow("ops"))]
OperatorsKey = Annotated[Caller, Depends(allow_keys("ops"))]
LoginMaker = Annotated[Caller, Depends(allow_keys("console:login"))]
AnyCaller = Annotated[Caller, Depends(allow(*SCOPES, *MEMBER_SCOPES))]


def own_stores(caller: Caller) -> Stores:
    """The stores of a caller's rights as queries take them."""
    return None if ALL_STORES in caller.stores else sorted(caller.stores)


def checked_store(caller: Caller, store_id: str) -> str:
    """A store id out of a path. Problem not_found: foreign, or no such id."""
    if not _ID.fullmatch(store_id) or not caller.may(store_id):
        raise not_found()
    return store_id


async def _store(caller: Reader, store_id: Annotated[str, Path(examples=["sh-001"])]) -> str:
    return checked_store(caller, store_id)


StoreOfCaller = Annotated[str, Depends(_store)]


def checked_member(caller: Caller, member_id: str) -> str:
    """A member id out of a path. Problem not_found: what cannot be an id is nobody's, nor is a token's others."""
    if not _ID.fullmatch(member_id) or not caller.speaks_for(member_id):
        raise not_found()
    return member_id


def checked_key(caller: Caller, *scopes: Scope) -> Caller:
    """The same caller: a member's token, or a key or session with one of these scopes. Problem not_found."""
    if caller.member_id is None and caller.scopes.isdisjoint(scopes):
        raise not_found()
    return caller


def store_in(ref: str) -> str:
    """The store of a group, plan, placement or command, as its id says."""
    return ref.partition("~")[0]


def store_of(caller: Caller, ref: str) -> str:
    """The same, of a caller who may. Problem not_found: foreign, or no such id."""
    if "~" not in ref or not REF.fullmatch(ref):
        raise not_found()
    return checked_store(caller, store_in(ref))


def checked_ref(caller: Caller, ref: str) -> str:
    """The same id. Problem not_found."""
    store_of(caller, ref)
    return ref


async def _group(caller: Reader, group_id: Annotated[str, Path(examples=["sh-001~g7"])]) -> str:
    return checked_ref(caller, group_id)


async def _plan(caller: Reader, plan_id: Annotated[str, Path(examples=["sh-001~p3-1207"])]) -> str:
    return checked_ref(caller, plan_id)


# Of what became of a command: a key that may give commands or read, a token whose member may have given one.
CommandReader = Annotated[Caller, Depends(allow("commands:write", "stores:read", "events:write"))]


async def _command(
    caller: CommandReader, command_id: Annotated[str, Path(examples=["sh-001~0f6e6e5c-1a2b-5c3d-8e4f-5a6b7c8d9e0f"])]
) -> str:
    return checked_ref(checked_key(caller, "commands:write", "stores:read"), command_id)


CommandOfCaller = Annotated[str, Depends(_command)]
GroupOfCaller = Annotated[str, Depends(_group)]
PlanOfCaller = Annotated[str, Depends(_plan)]


async def _member(caller: MemberReader, member_id: Annotated[str, Path(examples=["m-42"])]) -> str:
    return checked_member(caller, member_id)


MemberOfPath = Annotated[str, Depends(_member)]
