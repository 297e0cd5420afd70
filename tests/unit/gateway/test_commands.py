"""From a request to a command: ids that stay, versions, and a route for each kind there is."""

import re
from typing import get_args

import msgspec
import pytest

from libs.common import commands as wire
from libs.common.caller import Caller
from services.gateway.commands import IDEMPOTENCY_KEY, KINDS, command_id, given_by, make_command, version_of

TILL = Caller("till-1", frozenset({"commands:write"}), frozenset({"*"}))
MEMBER = Caller("https://members.example|m-1", frozenset({"events:write"}), frozenset({"s"}), "m-1")
IDS = {"group_id": "s~g1", "plan_id": "s~p0-1", "placement_id": "s~m-1~1", "member_id": "m-1"}


def test_every_command_has_a_route_of_its_own() -> None:
    assert {kind.command for kind in KINDS} == set(get_args(wire.AnyCommand))
    assert len({(kind.method, kind.path) for kind in KINDS}) == len(KINDS) == 17


def test_an_id_stays_as_it_was_given_once() -> None:
    """A caller that tries again after an upgrade must not be taken for another one."""
    assert command_id(TILL, "sh-001", "k-1") == "sh-001~37d8bee0-4f1c-5607-9431-a39eb6fd748d"


def test_ids_differ_by_caller_store_and_key() -> None:
    ids = {
        command_id(TILL, "s", "k"),
        command_id(TILL, "s", "k2"),
        command_id(TILL, "s2", "k"),
        command_id(MEMBER, "s", "k"),
        command_id(Caller('till-1","s', TILL.scopes, TILL.stores), "x", "k"),
    }
    assert len(ids) == 5
    assert all(re.fullmatch(r"[A-Za-z0-9._:-]+~[0-9a-f-]{36}", one) for one in ids)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_command_comes_back_from_the_log_as_it_went(kind: wire.Command) -> None:
    body = {
        wire.ThemesBody: wire.ThemesBody((wire.Theme("tea", "茶", ("茶",)),)),
        wire.DistrictsBody: wire.DistrictsBody((wire.Proximity("a", "b", 1),)),
        wire.PlaceBody: wire.PlaceBody("m-1"),
        wire.OpenBody: wire.OpenBody("Tea"),
        wire.UpdateBody: wire.UpdateBody(join_url=None),
        wire.SnapshotBody: wire.SnapshotBody(1, ("m-1",)),
        wire.PersonBody: wire.PersonBody(1, "m-1"),
        wire.ItemsBody: wire.ItemsBody(all=True),
        wire.NoInvitationsBody: wire.NoInvitationsBody(no_invitations=True),
    }.get(kind.body) or kind.body()  # type: ignore[attr-defined]
    targets = {name: IDS[name] for name in re.findall(r"{(\w+)}", kind.path) if name != "store_id"}  # type: ignore[attr-defined]
    made = make_command(kind, body, "s", targets, TILL, "k", 5)  # type: ignore[arg-type]
    assert msgspec.json.decode(msgspec.json.encode(made), type=wire.AnyCommand) == made
    assert made.body == body
    assert (made.given_by, made.given_at, made.command_id) == ("till-1", 5, command_id(TILL, "s", "k"))


def test_what_is_absent_stays_absent_and_null_stays_null() -> None:
    kind = next(kind for kind in KINDS if kind.command is wire.UpdateGroup)
    body = msgspec.json.decode(b'{"qr_url": null}', type=wire.UpdateBody)
    made = make_command(kind, body, "s", {"group_id": "s~g1"}, TILL, "k", 5)
    assert msgspec.json.decode(msgspec.json.encode(made))["body"] == {"qr_url": None}


def test_a_long_or_odd_name_of_a_caller_can_be_recorded() -> None:
    long = Caller("https://" + "x" * 500 + "|m-42", frozenset(), frozenset(), "m-42")
    assert given_by(MEMBER) == "https://members.example|m-1"
    assert len(given_by(long)) == 128
    assert given_by(long).endswith("|m-42")
    assert given_by(Caller("a\nb", frozenset(), frozenset())) == "a?b"


@pytest.mark.parametrize(
    ("text", "version"), [('"3"', 3), (' "0" ', 0), ("3", None), ('W/"3"', None), ('"3", "4"', None), ('"-1"', None)]
)
def test_a_version_is_an_etag_of_ours(text: str, version: int | None) -> None:
    assert version_of(text) == version


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "k" * 256, "a\n"])
def test_what_is_no_idempotency_key(key: str) -> None:
    assert IDEMPOTENCY_KEY.fullmatch(key) is None
