"""A caller, as the doors and their domains see it: what it is for, and whose data it may touch. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

Scope = Literal["events:write", "stores:read", "commands:write", "days:close", "console:login", "ops"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
MemberScope = Literal["events:write", "profile:read"]
MEMBER_SCOPES: tuple[MemberScope, ...] = get_args(MemberScope)
SessionScope = Literal["stores:read", "commands:write", "ops"]
SESSION_SCOPES: tuple[SessionScope, ...] = get_args(SessionScope)
ALL_STORES = "*"


@dataclass(frozen=True, slots=True)
class Caller:
    """`id`: the server key's, the name of a manager's session, or `iss|sub` of a member token.

    `member_id`: whose token it is, else None. `name`: for people. `csrf`: what a session must bring along to change
    anything; None: it is no session.
    """

    id: str
    scopes: frozenset[str]
    stores: frozenset[str]
    member_id: str | None = None
    name: str = ""
    csrf: str | None = None

    @property
    def is_session(self) -> bool:
        """Whether it is a manager's session, not a credential of its own."""
        return self.csrf is not None

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

    def covers(self, scopes: Collection[str], stores: Collection[str]) -> bool:
        """Whether it has all these scopes, and may touch all these stores; `*` is every store."""
        return self.scopes.issuperset(scopes) and all(self.may(store) for store in stores)


def shared_stores(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    """The stores that both may touch."""
    if ALL_STORES in one:
        return other
    return one if ALL_STORES in other else one & other
