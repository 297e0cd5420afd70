"""Which frames a request means, and which partitions they stand in."""

import pytest

from libs.common.caller import Caller
from libs.common.topics import STORE_FEED, partition_of
from services.gateway.live_frames import KINDS, PLACEMENT_KINDS
from services.gateway.live_ids import EVERYWHERE
from services.gateway.live_scope import Scope, kinds_of


@pytest.mark.parametrize(
    ("types", "kinds"),
    [
        ((), KINDS - {"transition.silent"}),
        (("transition",), {"transition", "day_closed"}),
        (("transition.silent",), {"transition.silent"}),
        (("transition", "transition.silent"), {"transition", "transition.silent"}),
        (("transition", "transition.silent", "day_closed"), {"transition", "transition.silent", "day_closed"}),
        (("placement",), PLACEMENT_KINDS),
        (("outcome", "invited"), {"outcome", "invited"}),
        (("day_closed",), {"day_closed"}),
    ],
)
def test_types_mean_kinds_of_frames(types: tuple[str, ...], kinds: set[str]) -> None:
    assert kinds_of(frozenset(types)) == kinds


def test_a_scope_is_read_from_its_stores_partitions_of_both_topics() -> None:
    scope = Scope(frozenset(["a", "b"]), KINDS)
    wanted = {partition_of(store, STORE_FEED.partitions) for store in ("a", "b")}
    assert {at.partition for at in scope.places} == wanted
    assert len(scope.places) == 2 * len(wanted)
    assert Scope(None, KINDS).places == EVERYWHERE


def test_a_scope_is_granted_as_a_whole() -> None:
    caller = Caller("k", frozenset(["stores:read"]), frozenset(["a", "b"]))
    assert Scope(frozenset(["a"]), KINDS).is_within(caller)
    assert not Scope(frozenset(["a", "c"]), KINDS).is_within(caller)
    assert not Scope(None, KINDS).is_within(caller)
    assert Scope(None, KINDS).is_within(Caller("k", frozenset(), frozenset(["*"])))
