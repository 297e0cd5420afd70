"""What the gateway answers, field by field: encoded as it stands here, and shown so in OpenAPI.

Days are ISO dates in the retailer's time zone, instants RFC 3339 in UTC. A score is a number for people;
`score_units` is the same in units of 2^-20, as an integer.
"""

from typing import Annotated

from msgspec import Meta, Struct

from libs.common.activity import Tier

NAMES = {"from_tier": "from", "to_tier": "to", "from_day": "from", "to_day": "to"}


class Shape(Struct, frozen=True, kw_only=True, rename=NAMES):
    """Base of all answers."""


MaybeTier = Annotated[Tier | None, Meta(description="null: no membership", examples=["weekly"])]
Day = Annotated[str, Meta(description="store day, YYYY-MM-DD", examples=["2026-11-22"])]
Instant = Annotated[str, Meta(description="RFC 3339, UTC", examples=["2026-11-22T10:03:11.000Z"])]
StoreId = Annotated[str, Meta(examples=["sh-001"])]
GroupId = Annotated[str, Meta(examples=["sh-001~g7"])]
MemberId = Annotated[str, Meta(examples=["m-42"])]
TraceId = Annotated[str | None, Meta(description="W3C trace id of the request that brought it, if it was traced")]
Cursor = Annotated[str | None, Meta(description="cursor of the next page; null on the last")]
Score = Annotated[float, Meta(description="score_units / 2^20", examples=[12.5])]
ScoreUnits = Annotated[int, Meta(description="score in units of 2^-20", examples=[13107200])]


class Source(Shape, frozen=True):
    """Where on the log a row's cause stands: what to compare a stream frame with."""

    partition: int
    offset: int
    index: int = 0


class Tiers(Shape, frozen=True):
    """Memberships by tier."""

    thrice_daily: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    dormant: int = 0
    lost: int = 0
