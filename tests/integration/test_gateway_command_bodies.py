"""What a command needs: a key, a form, and a body that fits, refused with the place of what does not."""

from typing import Any

import pytest

from tests.integration.gateway_shop import Shop, issuers_fixture, shop_fixture  # noqa: F401
from tests.unit.segmentation.life.given import DAY, ms


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "fault", "where"),
    [
        ("PUT", "stores/s/themes", b"{", 400, None, None),
        ("PUT", "stores/s/themes", b"[" * 5000, 400, None, None),
        ("PUT", "stores/s/themes", b'{"themes": [], "themes": []}', 422, "duplicate_key", "themes"),
        ("PUT", "stores/s/themes", {"themes": []}, 422, "bad_value", "themes"),
        (
            "PUT",
            "stores/s/themes",
            {"themes": [{"id": "a b", "name": "x", "tags": ["x"]}]},
            422,
            "bad_value",
            "themes[0].id",
        ),
        ("PUT", "stores/s/themes", {"themes": [{"id": "a", "name": "x"}]}, 422, "missing_field", "themes[0].tags"),
        ("PUT", "stores/s/settings", {"size_max": 301}, 422, "bad_value", "size_max"),
        ("PUT", "stores/s/settings", {"auto_open": 1}, 422, "wrong_type", "auto_open"),
        ("PUT", "stores/s/settings", {"colour": 1}, 422, "unknown_field", "colour"),
        ("POST", "stores/s/plans", {"x": 1}, 422, "unknown_field", "x"),
        ("POST", "stores/s/placements", {"member_id": "a~b"}, 422, "bad_value", "member_id"),
        ("PUT", "groups/s~g1", {"join_url": "javascript:x"}, 422, "bad_value", "join_url"),
        ("PUT", "groups/s~g1/snapshot", {"at": -1, "members": []}, 422, "bad_value", "at"),
        ("POST", "groups/s~g1/joins", {"at": 4_000_000_000_000, "member_id": "a"}, 422, "occurred_in_future", "at"),
        ("POST", "plans/s~p1/approve", {}, 422, "bad_value", ""),
        ("POST", "plans/s~p1/approve", {"all": True, "items": ["x"]}, 422, "bad_value", ""),
        ("POST", "plans/s~p1/approve", {"all": False}, 422, "bad_value", "all"),
        ("PUT", "stores/s/members/m/no_invitations", b"", 400, None, None),
        ("PUT", "groups/s~g1/snapshot", {"at": 1, "members": ["m" * 64] * 10_001}, 422, "bad_value", "members"),
        ("POST", "plans/s~p1/approve", {"items": ["s~" + "i" * 198] * 5_000}, 413, None, None),
    ],
)
async def test_a_body_that_does_not_fit_is_refused_with_its_place(
    shop: Shop, method: str, path: str, body: Any, status: int, fault: str | None, where: str | None
) -> None:
    answer = await shop.call(method, f"/v1/{path}", body)
    assert answer.status_code == status, answer.text
    if fault is not None:
        found = answer.json()
        assert (found["code"], found["fault"], found["path"]) == ("bad_value", fault, where)


async def test_a_snapshot_of_ten_thousand_is_one_command(shop: Shop) -> None:
    await shop.meet("large", ["a"])
    group = await shop.open("large", "All")
    members = [f"{n:05}" + "m" * 59 for n in range(10_000)]
    await shop.done("PUT", f"/v1/groups/{group}/snapshot", {"at": ms(DAY, 1), "members": members})
    assert (await shop.get(f"/v1/groups/{group}")).json()["heads"] == 10_000


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 400, "idempotency_key_missing"),
        ({"Idempotency-Key": ""}, 422, "bad_idempotency_key"),
        ({"Idempotency-Key": "a b"}, 422, "bad_idempotency_key"),
        ({"Idempotency-Key": "k" * 256}, 422, "bad_idempotency_key"),
        ({"Idempotency-Key": "k", "Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        ({"Idempotency-Key": "k", "Content-Type": "text/csv"}, 415, "unsupported_media_type"),
    ],
)
async def test_what_a_command_needs_beside_its_body(
    shop: Shop, headers: dict[str, str], status: int, code: str
) -> None:
    own = {"Authorization": f"Bearer {shop.key}", "Content-Type": "application/json", **headers}
    answer = await shop.client.post("/v1/stores/s/groups", content=b'{"name": "x"}', headers=own)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_command_takes_no_parameters(shop: Shop) -> None:
    answer = await shop.call("POST", "/v1/stores/s/plans?dry_run=1")
    assert (answer.status_code, answer.json()["code"], answer.json()["path"]) == (422, "invalid", "dry_run")
