"""A caller, as the doors and their domains see it: what it is for, and whose data it may touch. Pure."""

from dataclasses import dataclass
from typing import Literal, get_args

Scope = Literal["events:write", "stores:read", "commands:write", "days:close", "console:login", "ops"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
MemberScope = Literal["events:write", "profile:read"]
MEMBER_SCOPES: tuple[MemberScope, ...] = get_args(MemberScope)
ALL_STORES = "*"


@dataclass(frozen=True, slots=True)
class Caller:
    """`id`: the server key's, or `iss|sub` of a member token. `member_id`: whose token it is; None = a server key."""

    id: str
    scopes: frozenset[str]
    stores: frozenset[str]
    member_id: str | None = None

    @property
    def may_all(self) -> bool:
        """Whether it may touch every store."""
        return ALL_STORES in self.stores

    def may(self, store: str) -> bool:
        """Whether it may touch this store."""
        return store in self.stores or self.may_all

    def speaks_for(self, member: str) -> bool:
        """Whether it may post as this member and read of it, where the store allows."""
        return self.member_id is None or self.member_id == member
