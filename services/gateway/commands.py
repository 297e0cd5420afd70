"""From a request to a command: which there are, what each needs, its id. Pure."""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from libs.common import commands as wire
from libs.common.caller import Caller, MemberScope, Scope

_NAMESPACE = uuid.UUID("6f1f3d0e-6c3c-5f0b-9a58-2f6f1a3f1c4e")  # of Qunli's commands; another one makes other ids
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_ETAG = re.compile(r'"([0-9]{1,9})"')
LONGEST_GIVER = 128


@dataclass(frozen=True, slots=True)
class Kind:
    """A command: its route, its types, and what the route says of it.

    `by_members`: a member's token may give it for itself. `is_empty`: it needs no body.
    """

    method: str
    path: str
    command: type[wire.Command]
    body: type[wire.Body]
    says: str
    by_members: bool = False
    is_empty: bool = False

    @property
    def name(self) -> str:
        """As it stands on the log."""
        return str(self.command.__struct_config__.tag)

    @property
    def scopes(self) -> tuple[Scope | MemberScope, ...]:
        """Of who may give it: of a server key and, where members may, of a token that may write for its member."""
        return ("commands:write", "events:write") if self.by_members else ("commands:write",)


_STORE, _GROUP, _PLAN = "/v1/stores/{store_id}", "/v1/groups/{group_id}", "/v1/plans/{plan_id}"
_PLACEMENT = "/v1/placements/{placement_id}"

KINDS: tuple[Kind, ...] = (
    Kind("PUT", f"{_STORE}/themes", wire.DefineThemes, wire.ThemesBody,
         "Replace the set of themes. With If-Match (or `version`) only the set of that version is replaced."),
    Kind("PUT", f"{_STORE}/districts", wire.DefineDistricts, wire.DistrictsBody,
         "Replace all proximities of districts. As text/csv: a header `a,b,value`, and a line for each pair."),
    Kind("PUT", f"{_STORE}/settings", wire.ChangeSettings, wire.StoreSettings,
         "Replace what a store's groups are planned by. What is left out has its default."),
    Kind("POST", f"{_STORE}/designs", wire.RequestDesign, wire.NothingBody,
         "Ask for a new design: which blocks there are, and a plan for them.", is_empty=True),
    Kind("POST", f"{_STORE}/plans", wire.RequestPlan, wire.NothingBody,
         "Ask for a plan now, beside those of the night.", is_empty=True),
    Kind("POST", f"{_STORE}/placements", wire.PlaceMember, wire.PlaceBody,
         "Invite a member by hand, into a group or wherever fits best."),
    Kind("POST", f"{_STORE}/groups", wire.OpenGroup, wire.OpenBody,
         "Open a group, or adopt one that exists on the chat platform."),
    Kind("PUT", _GROUP, wire.UpdateGroup, wire.UpdateBody,
         "Change facts of a group: what is given replaces what stood, null takes it away, what is absent stays."),
    Kind("POST", f"{_GROUP}/close", wire.CloseGroup, wire.CloseBody,
         "Close a group; `into`: its members are invited there at once.", is_empty=True),
    Kind("PUT", f"{_GROUP}/snapshot", wire.ReportSnapshot, wire.SnapshotBody,
         "Report everybody that the chat platform has in a group at an instant."),
    Kind("POST", f"{_GROUP}/joins", wire.ReportJoin, wire.PersonBody,
         "Report that a person came into a group."),
    Kind("POST", f"{_GROUP}/leaves", wire.ReportLeave, wire.PersonBody,
         "Report that a person left a group."),
    Kind("POST", f"{_PLAN}/approve", wire.ApprovePlan, wire.ItemsBody,
         "Approve items of a plan, any of them, in any order; each is checked, and refused with a reason, alone."),
    Kind("POST", f"{_PLAN}/reject", wire.RejectPlan, wire.ItemsBody,
         "Reject items of a plan."),
    Kind("POST", f"{_PLACEMENT}/seen", wire.MarkSeen, wire.NothingBody,
         "Say that a member has seen its invitation.", by_members=True, is_empty=True),
    Kind("POST", f"{_PLACEMENT}/decline", wire.Decline, wire.NothingBody,
         "Decline an invitation.", by_members=True, is_empty=True),
    Kind("PUT", f"{_STORE}/members/{{member_id}}/no_invitations", wire.SetNoInvitations, wire.NoInvitationsBody,
         "Say whether a member wants no invitations.", by_members=True),
)  # fmt: skip


def command_id(caller: Caller, store_id: str, key: str) -> str:
    """The same caller, store and Idempotency-Key give the same id, for ever."""
    name = msgspec.json.encode((caller.id, store_id, key)).decode()
    return f"{store_id}~{uuid.uuid5(_NAMESPACE, name)}"


def given_by(caller: Caller) -> str:
    """Who gave it, as the command records it: a key's id, a session's name, or iss|sub, its end if that is long."""
    return re.sub(r"[\x00-\x1f\x7f]", "?", caller.id)[-LONGEST_GIVER:]


def version_of(if_match: str) -> int | None:
    """The version that an If-Match names; None if it is no ETag of ours."""
    found = _ETAG.fullmatch(if_match.strip())
    return int(found[1]) if found else None


def make_command(
    kind: Kind, body: wire.Body, store_id: str, targets: Mapping[str, str], caller: Caller, key: str, now: int
) -> wire.AnyCommand:
    """The command as it goes on the log; `targets`: ids of its path beside the store's, `now` in UTC ms."""
    envelope: dict[str, Any] = {
        "command_id": command_id(caller, store_id, key),
        "store_id": store_id,
        "given_by": given_by(caller),
        "given_at": now,
    }
    make: Callable[..., Any] = kind.command
    command: wire.AnyCommand = make(**envelope, **targets, body=body)
    return command
