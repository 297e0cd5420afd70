"""How a manager gets into the console: the link that a service asks for, the session that it begins."""

from typing import Annotated

from msgspec import Meta, Struct

from libs.common.caller import SessionScope
from libs.common.sessions import LONGEST_SECONDS, MOST_STORES, Name, StoreId
from services.gateway.shapes import Instant, Shape

Stores = Annotated[tuple[StoreId, ...], Meta(min_length=1, max_length=MOST_STORES)]
Scopes = Annotated[tuple[SessionScope, ...], Meta(min_length=1, max_length=3)]


class LoginBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Who is to get in, and for what: never more than the key that asks.

    `name`: the manager, as commands record it. `ttl`: seconds that the session lives without being used.
    """

    name: Name
    stores: Stores
    scopes: Scopes
    ttl: Annotated[int, Meta(ge=60, le=LONGEST_SECONDS)] = LONGEST_SECONDS


class SessionBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The link that is used."""

    login: Annotated[str, Meta(max_length=4_096)]


class Login(Shape, frozen=True):
    """A link, to be used once."""

    login: str
    url: Annotated[
        str, Meta(description="relative to this gateway: it is for one browser", examples=["/console#login=eyJ..."])
    ]
    expires_at: Annotated[Instant, Meta(description="until when it can be used")]


class Session(Shape, frozen=True):
    """A session that has begun; its cookie is in Set-Cookie."""

    name: Annotated[str, Meta(examples=["Li Wei"])]
    stores: Annotated[list[str], Meta(description="['*'] is every store", examples=[["sh-001"]])]
    scopes: Annotated[list[str], Meta(examples=[["stores:read", "commands:write"]])]
    csrf: Annotated[str, Meta(description="to be sent as X-CSRF-Token with whatever is no GET")]
    expires_at: Annotated[Instant, Meta(description="unless it is used before: each use puts it off")]
