"""Commands from HTTP over the log to their outcome and to what is read: gateway and segmentation as they run."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg

from libs.common import commands as wire
from libs.common.caller import SESSION_SCOPES
from libs.common.days import day_to_iso
from libs.common.feed import decode_command
from libs.common.keys import create_key
from libs.common.topics import STORE_FEED, partition_of
from services.gateway.gateway import open_gateway
from tests.integration.gateway_sessions import log_in
from tests.integration.gateway_shop import LINK, Shop, a_shop, issuers_fixture, shop_fixture  # noqa: F401
from tests.integration.gateway_world import WORKED, a_client, gateway_settings, membership, positions
from tests.integration.segmentation_world import a_segmentation
from tests.unit.segmentation.life.given import DAY, ms, people

# --- what the log has ---------------------------------------------------------------------------------------------


async def test_a_command_stands_on_the_log_as_it_was_answered(shop: Shop) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = await shop.call("POST", "/v1/stores/logged/plans", traceparent=trace)
    assert answer.status_code == 202
    where, _, offset = answer.headers["x-qunli-position"].rpartition("=")
    partition = partition_of("logged", STORE_FEED.partitions)
    assert where == f"{shop.feed.topic}/{partition}"
    [record] = [one for one in (await shop.feed.read(STORE_FEED))[partition] if one.offset == int(offset)]
    command = decode_command(record.value)
    assert isinstance(command, wire.RequestPlan)
    assert (record.key, command.store_id, command.given_by) == (b"logged", "logged", shop.key.split("_")[1])
    assert answer.json() == {
        "command_id": command.command_id,
        "body_hash": wire.body_hash(command),
        "position": answer.headers["x-qunli-position"],
    }
    assert dict(record.headers)["traceparent"].split(b"-")[1] == trace.split("-")[1].encode()
    assert (await shop.outcome(answer))["reason"] == "store_unknown"
    assert (await shop.get("/v1/stores/logged/commands")).json()["items"][0]["command_id"] == command.command_id


async def test_a_command_of_a_session_says_whose(shop: Shop) -> None:
    await shop.meet("managed", ["a"])
    desk = create_key(shop.feed.admin_url, "desk", ["console:login", *SESSION_SCOPES], ["*"])
    await shop.gateway.callers.keys.refresh()
    one, other = [await log_in(shop.client, desk, name="Li Wei", stores=["managed"]) for _ in range(2)]
    answers = [
        await shop.client.post(
            "/v1/stores/managed/groups", json={"name": "Tea"}, headers=session.headers({"Idempotency-Key": "k"})
        )
        for session in (one, other, one)
    ]
    assert len({answer.json()["command_id"] for answer in answers}) == 1  # whichever of the manager's sessions it is
    partition = partition_of("managed", STORE_FEED.partitions)
    records = [
        decode_command(one.value) for one in (await shop.feed.read(STORE_FEED))[partition] if b"Tea" in one.value
    ]
    assert {command.given_by for command in records if command.store_id == "managed"} == {"Li Wei"}
    assert (await shop.outcome(answers[0]))["subject"] == "managed~g1"


async def test_rates_tell_how_fast_the_log_grows_and_is_worked_off(shop: Shop) -> None:
    async def asked() -> dict[str, Any]:
        answer = await shop.get("/v1/ops/rates")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        assert 1 <= found["seconds"] <= 61
        [feed] = [item for item in found["items"] if item["topic"] == shop.feed.topic]
        return {**feed, "records": feed["appended"] * found["seconds"], "seconds": found["seconds"]}

    before = await asked()
    answers = [await shop.call("POST", "/v1/stores/counted/plans") for _ in range(30)]
    await shop.outcome(answers[-1])
    while (after := await asked())["lag"]:  # noqa: ASYNC110 - nobody tells of it
        await asyncio.sleep(0.05)
    assert 29.5 < after["records"] - before["records"] < 30.5
    assert after["caught_up_in"] == 0
    assert after["applied"] >= after["appended"] > 0  # what others had left was applied, too
    csv = await shop.get("/v1/ops/rates", Accept="text/csv")
    assert csv.text.splitlines()[0] == "topic,appended,applied,lag,caught_up_in"


async def test_a_caller_that_commands_too_much_is_told_when_it_may_again(shop: Shop) -> None:
    token = shop.retailer.token(sub="a", store_ids=["hasty"])
    path, body = "/v1/stores/hasty/members/a/no_invitations", {"no_invitations": True}
    for _ in range(200):
        answer = await shop.call("PUT", path, body, by=token)
        if answer.status_code != 202:
            break
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 2
    assert (await shop.call("PUT", path, body)).status_code == 202  # a key has its own rate


# --- the same again -------------------------------------------------------------------------------------------------


async def test_the_same_command_again_is_one_command(shop: Shop) -> None:
    await shop.meet("twice", ["a"])
    body = {"name": "Tea", "platform_id": "wx-9"}
    answers = [await shop.call("POST", "/v1/stores/twice/groups", body, again="k") for _ in range(3)]
    assert len({answer.json()["command_id"] for answer in answers}) == 1
    assert len({answer.headers["x-qunli-position"] for answer in answers}) == 3  # each stands on the log
    assert [(await shop.outcome(answer))["subject"] for answer in answers] == ["twice~g1"] * 3
    groups = await shop.get("/v1/stores/twice/groups", answers[-1].headers["x-qunli-position"])
    assert [group["group_id"] for group in groups.json()["items"]] == ["twice~g1"]


async def test_another_body_under_the_same_key_is_a_conflict(shop: Shop) -> None:
    await shop.meet("other", ["a"])
    first = await shop.call("POST", "/v1/stores/other/groups", {"name": "Tea"}, again="k")
    second = await shop.call("POST", "/v1/stores/other/groups", {"name": "Pets"}, again="k")
    elsewhere = await shop.call("POST", "/v1/stores/other/plans", again="k")
    assert first.json()["command_id"] == second.json()["command_id"] == elsewhere.json()["command_id"]
    assert (await shop.outcome(first))["subject"] == "other~g1"
    for answer in (second, elsewhere):
        found = await shop.get(answer.headers["location"], answer.headers["x-qunli-position"])
        assert (found.status_code, found.json()["code"]) == (409, "idempotency_conflict")
    assert (await shop.outcome(first))["subject"] == "other~g1"
    known = await shop.get("/v1/stores/other/groups", elsewhere.headers["x-qunli-position"])
    assert [group["name"] for group in known.json()["items"]] == ["Tea"]


async def test_a_key_means_another_command_for_another_caller_or_store(shop: Shop) -> None:
    other = create_key(shop.feed.admin_url, "other", ["commands:write"], ["*"])
    await shop.gateway.callers.keys.refresh()
    answers = [
        await shop.call("POST", "/v1/stores/here/plans", again="k"),
        await shop.call("POST", "/v1/stores/there/plans", again="k"),
        await shop.call("POST", "/v1/stores/here/plans", again="k", by=other),
    ]
    assert len({answer.json()["command_id"] for answer in answers}) == 3


# --- pending --------------------------------------------------------------------------------------------------------


async def test_a_command_is_pending_until_its_position_is_applied(
    fresh_database: Callable[[], str],
    fresh_log: Callable[..., str],
    kafka_bootstrap: str,
    role_url: Callable[[str, str], str],
    issuers: str,
) -> None:
    async with a_shop(kafka_bootstrap, fresh_log(), fresh_database(), role_url, issuers) as shop:
        await shop.meet("s1", ["a"])
        answer = await shop.call("POST", "/v1/stores/s1/plans")
        location, position = answer.headers["location"], answer.headers["x-qunli-position"]
        for _ in range(2):
            found = await shop.get(location)
            assert (found.status_code, found.json()["state"], found.json()["outcome"]) == (200, "pending", None)
        topic, _, offset = position.partition("=")
        beyond = await shop.get(f"/v1/commands/s1~x?after={topic}={int(offset) + 1}")
        assert (beyond.status_code, beyond.json()["code"]) == (400, "position_beyond_log")
        malformed = await shop.get("/v1/commands/s1~x?after=17")
        assert (malformed.status_code, malformed.json()["code"]) == (400, "bad_position")
        assert (await shop.get("/v1/commands/s1~x")).status_code == 404
        late = await shop.get(location, position)
        assert (late.status_code, late.json()["code"]) == (503, "not_applied_yet")
        async with a_segmentation(shop.feed, solves=False):
            outcome = await shop.outcome(answer)
            assert (outcome["state"], outcome["command"]) == ("done", "request_plan")
            gone = await shop.get(f"/v1/commands/s1~x?after={position}", position)
            assert gone.status_code == 404  # applied, and no such command came of it
            as_of = gone.headers.get("x-qunli-as-of") or (await shop.get(location)).headers["x-qunli-as-of"]
            assert f"{topic}={int(offset) + 1}" in as_of.split(",")


async def test_without_a_log_a_command_is_503(
    fresh_database: Callable[[], str], role_url: Callable[[str, str], str]
) -> None:
    url = fresh_database()
    key = create_key(url, "manager", ["commands:write"], ["*"])
    settings = gateway_settings(role_url(url, "qunli_gateway"), kafka_bootstrap="127.0.0.1:1")
    async with open_gateway(settings) as gateway, a_client(gateway) as client:
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "k"}
        await gateway.connected.wait()
        answer = await client.post("/v1/stores/s1/plans", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (503, "log_unavailable")
        assert answer.headers["retry-after"]


# --- each command's way ---------------------------------------------------------------------------------------------


async def test_themes_are_replaced_by_the_version_that_was_read(shop: Shop) -> None:
    await shop.meet("themed", ["a"])
    await shop.done("POST", "/v1/stores/themed/plans")
    read = await shop.get("/v1/stores/themed/themes")
    assert read.headers["etag"] == '"1"'
    babies, *others = read.json()["themes"]
    mine = {
        "themes": [{key: babies[key] for key in ("id", "name", "tags")}, {"id": "tea", "name": "茶友", "tags": ["茶"]}]
    }
    path = "/v1/stores/themed/themes"
    done = await shop.call("PUT", path, mine, If_Match=read.headers["etag"])
    await shop.outcome(done)
    assert await shop.refused("PUT", path, mine, If_Match='"1"') == "version_conflict"
    assert await shop.refused("PUT", path, mine | {"version": 1}) == "version_conflict"
    now = await shop.get(path)
    assert (now.headers["etag"], [theme["id"] for theme in now.json()["themes"]]) == ('"2"', [babies["id"], "tea"])
    assert {theme["id"] for theme in now.json()["removed"]} == {theme["id"] for theme in others}
    assert {theme["removed"] for theme in now.json()["removed"]} == {2}
    for headers, body in (
        ({"If_Match": "2"}, mine),
        ({"If_Match": 'W/"2"'}, mine),
        ({"If_Match": '"2"'}, mine | {"version": 1}),
    ):
        answer = await shop.call("PUT", path, body, **headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_value")


async def test_districts_come_as_json_or_csv_and_go_back_as_they_were_read(shop: Shop) -> None:
    await shop.meet("near", ["a"])
    path = "/v1/stores/near/districts"
    pairs = [{"a": "Pudong", "b": "=Huangpu", "value": 700}, {"a": "徐汇", "b": "Pudong", "value": 0}]
    await shop.done("PUT", path, {"proximities": pairs})
    found = [{"a": "=Huangpu", "b": "Pudong", "value": 700}, {"a": "Pudong", "b": "徐汇", "value": 0}]
    assert (await shop.get(path)).json()["items"] == found
    table = (await shop.get(path, Accept="text/csv")).content
    assert table.decode().splitlines() == ["a,b,value", "'=Huangpu,Pudong,700", "Pudong,徐汇,0"]
    await shop.done("PUT", path, b"a,b,value\nX,Y,1\n", Content_Type="text/csv")
    assert (await shop.get(path)).json()["items"] == [{"a": "X", "b": "Y", "value": 1}]
    await shop.done("PUT", path, table, Content_Type="text/csv; charset=utf-8")
    assert (await shop.get(path)).json()["items"] == found
    for text, where in (
        (b"a,b,value\nX,Y,1001\n", "proximities[0].value"),
        (b"a,b,value\nX,Y,1\nX,Z,far\n", "proximities[1].value"),
        (b"a,b\nX,Y\n", ""),
        (b"a,b,value\nX,Y\n", ""),
        (b"a,b,value\nX,Y,1,2\n", ""),
    ):
        answer = await shop.call("PUT", path, text, Content_Type="text/csv")
        assert (answer.status_code, answer.json()["code"], answer.json()["path"]) == (422, "bad_value", where), text
    assert (await shop.call("PUT", path, b"\xff", Content_Type="text/csv")).status_code == 400


async def test_settings_are_replaced_whole(shop: Shop) -> None:
    await shop.meet("set", ["a"])
    path = "/v1/stores/set/settings"
    await shop.done("PUT", path, {"auto_open": True, "size_target": 180})
    await shop.done("PUT", path, {"size_target": 190})
    found = (await shop.get(path)).json()
    assert (found["settings"]["size_target"], found["settings"]["auto_open"]) == (190, False)
    assert set(found["settings"]) == set(wire.StoreSettings.__struct_fields__)
    assert await shop.refused("PUT", path, {"size_target": 300}) == "bad_settings"


async def test_a_store_goes_from_a_design_to_people_in_groups(shop: Shop) -> None:
    store = "grown"
    await shop.meet(store, people(400), interests={"baby": 5})
    await shop.done("PUT", f"/v1/stores/{store}/settings", {"auto_open": False})
    asked = await shop.done("POST", f"/v1/stores/{store}/designs")
    await shop.feed.proposed(asked["subject"])
    [short] = (await shop.get(f"/v1/stores/{store}/plans")).json()["items"]
    assert (short["plan_id"], short["state"], short["mode"]) == (asked["subject"], "proposed", "design")
    items = await _items(shop, f"/v1/plans/{asked['subject']}?limit=150")
    assert [item["number"] for item in items] == list(range(len(items)))
    by_gain = await _items(shop, f"/v1/plans/{asked['subject']}?limit=150&sort=gain")
    assert [item["gain"] for item in by_gain] == sorted((item["gain"] for item in items), reverse=True)
    assert {item["item_id"] for item in by_gain} == {item["item_id"] for item in items}
    opens = [item for item in items if item["kind"] == "open"]
    places = [item for item in items if item["kind"] == "place"]
    counted = {(one["kind"], one["state"]): one["items"] for one in short["counts"]}
    assert counted == {("open", "proposed"): len(opens), ("place", "proposed"): len(places)}

    plan = f"/v1/plans/{asked['subject']}"
    rejected = await shop.done("POST", f"{plan}/reject", {"items": [places[0]["item_id"]]})
    assert rejected["counts"] == {"rejected": 1}
    some = await shop.done("POST", f"{plan}/approve", {"items": [opens[0]["item_id"], places[0]["item_id"]]})
    assert some["counts"] == {"approved": 1, "already_decided": 1}
    every = await shop.done("POST", f"{plan}/approve", {"all": True})
    assert every["counts"] == {"approved": len(items) - 2}
    left = await _items(shop, f"{plan}?state=rejected")
    assert [item["item_id"] for item in left] == [places[0]["item_id"]]

    groups = (await shop.get(f"/v1/stores/{store}/groups")).json()["items"]
    assert {group["theme"] for group in groups} == {item["theme"] for item in opens}
    assert not any(group["is_ready"] for group in groups)
    for group in groups:
        await shop.done("PUT", f"/v1/groups/{group['group_id']}", {"managers": ["boss"], "join_url": LINK})
    cells = (await shop.get(f"/v1/stores/{store}/matrix")).json()["items"]
    assert sum(cell["groups"] for cell in cells) == len(groups)
    assert sum(cell["seats"] for cell in cells) == len(places) - 1
    first = groups[0]["group_id"]
    inside = [item["member_id"] for item in places[1:] if item["to_group"] == first][:10]
    await shop.done("PUT", f"/v1/groups/{first}/snapshot", {"at": ms(DAY, 1), "members": [*inside, "boss", "stranger"]})
    seen = (await shop.get(f"/v1/groups/{first}/members")).json()["items"]
    assert {one["person"] for one in seen} == {*inside, "boss", "stranger"}
    assert [one["person"] for one in seen if one["counts"]] == sorted(inside)
    assert (await shop.get(f"/v1/groups/{first}")).json()["by_tier"]["weekly"] == len(inside)
    await shop.feed.send(*shop.feed.closes(DAY))
    end = (await shop.call("POST", f"/v1/stores/{store}/plans")).headers["x-qunli-position"]
    days = (await shop.get(f"/v1/groups/{first}/activity", end)).json()["items"]
    assert [(day["day"], day["heads"], day["strangers"]) for day in days] == [(day_to_iso(DAY), len(inside) + 2, 1)]


async def _items(shop: Shop, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await shop.get(f"{path}{cursor}")).json()
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = f"&cursor={page['next_cursor']}"


async def test_what_the_platform_reports_is_read(shop: Shop) -> None:
    await shop.meet("chat", ["a", "b"])
    group = await shop.open("chat", "Pets 1", theme="pets")
    path = f"/v1/groups/{group}"
    await shop.done("POST", f"{path}/joins", {"at": ms(DAY, 5), "member_id": "a"})
    await shop.done("POST", f"{path}/joins", {"at": ms(DAY, 6), "member_id": "x"})
    await shop.done("POST", f"{path}/leaves", {"at": ms(DAY, 7), "member_id": "a"})
    await shop.done("POST", f"{path}/joins", {"at": ms(DAY, 6), "member_id": "a"})  # late: it was before the leave
    assert [one["person"] for one in (await shop.get(f"{path}/members")).json()["items"]] == ["x"]
    tasks = (await shop.get("/v1/stores/chat/tasks")).json()["items"]
    assert [(task["kind"], task["person"], task["group_id"]) for task in tasks] == [("stranger", "x", group)]
    by_platform = "/v1/groups/chat~platform:wx-77"
    adopted = await shop.done("PUT", f"{by_platform}/snapshot", {"at": ms(DAY, 5), "members": ["b", "y"]})
    found = (await shop.get(f"/v1/groups/{adopted['subject']}")).json()
    assert (found["platform_id"], found["theme"], found["heads"]) == ("wx-77", None, 2)
    assert await shop.refused("POST", "/v1/groups/chat~g99/joins", {"at": 5, "member_id": "a"}) == "group_unknown"


async def test_a_group_is_changed_and_closed(shop: Shop) -> None:
    await shop.meet("closing", ["a"])
    one, two = await shop.open("closing", "Pets 1", theme="pets"), await shop.open("closing", "Pets 2", theme="pets")
    await shop.done("POST", f"/v1/groups/{one}/joins", {"at": ms(DAY, 5), "member_id": "a"})
    await shop.done(
        "PUT", f"/v1/groups/{one}", {"name": "猫", "join_url": None, "qr_url": LINK, "qr_expires": "2026-03-01"}
    )
    found = (await shop.get(f"/v1/groups/{one}")).json()
    assert (found["name"], found["join_url"], found["qr_expires"], found["is_ready"]) == (
        "猫",
        None,
        "2026-03-01",
        False,
    )
    await shop.done("POST", f"/v1/groups/{one}/close", {"into": two})
    assert (await shop.get(f"/v1/groups/{one}")).json()["state"] == "closing"
    assert await shop.refused("POST", f"/v1/groups/{one}/close") == "group_closed"
    await shop.done("POST", f"/v1/groups/{one}/leaves", {"at": ms(DAY, 9), "member_id": "a"})
    archived = (await shop.get("/v1/stores/closing/groups?state=archived")).json()["items"]
    assert [group["group_id"] for group in archived] == [one]


async def test_a_member_answers_its_invitations_with_its_own_token(shop: Shop) -> None:
    store = "invites"
    await _is_member_of(shop, store, "m-1")
    group = await shop.open(store, "Babies 1", theme="babies")
    placed = await shop.done("POST", f"/v1/stores/{store}/placements", {"member_id": "m-1", "group_id": group})
    token = shop.retailer.token(sub="m-1", store_ids=[store])
    mine, placement = "/v1/members/m-1/invitations", f"/v1/placements/{placed['subject']}"
    [ticket] = (await shop.get(mine, by=token)).json()["items"]
    assert (ticket["placement_id"], ticket["ticket"], ticket["join_url"]) == (placed["subject"], "qr", LINK)
    await shop.done("POST", f"{placement}/seen", by=token)
    assert (await shop.get(mine, by=token)).json()["items"][0]["seen_at"] is not None
    await shop.done("POST", f"{placement}/decline", {}, by=token)
    assert (await shop.get(mine, by=token)).json()["items"] == []
    [membership_] = (await shop.get("/v1/members/m-1", by=token)).json()["memberships"]
    assert [(one["placement_id"], one["state"]) for one in membership_["groups"]["placements"]] == [
        (placed["subject"], "declined")
    ]
    wants = f"/v1/stores/{store}/members/m-1/no_invitations"
    await shop.done("PUT", wants, {"no_invitations": True}, by=token)
    [now] = (await shop.get("/v1/members/m-1", by=token)).json()["memberships"]
    assert (now["groups"]["no_invitations"], now["groups"]["waiting_since"]) == (True, None)
    again = {"member_id": "m-1"}
    assert await shop.refused("POST", f"/v1/stores/{store}/placements", again) == "no_invitations"
    assert await shop.refused("POST", f"{placement}/decline") == "not_invited"


async def _is_member_of(shop: Shop, store: str, member: str) -> None:
    """Both engagement and segmentation know it."""
    conn = await asyncpg.connect(shop.feed.admin_url)
    if not await conn.fetchval("SELECT count(*) FROM engagement.partition_state"):
        await positions(conn, "member-events")
    await membership(conn, store, member, WORKED)
    await conn.close()
    await shop.meet(store, [member], interests={"baby": 5})


async def test_who_waits_is_listed_until_there_is_a_group(shop: Shop) -> None:
    await shop.meet("queue", ["a", "b", "c"], interests={"cat": 5})
    await shop.done("POST", "/v1/stores/queue/plans")
    path = "/v1/stores/queue/waiting"
    first = (await shop.get(f"{path}?limit=2")).json()
    rest = (await shop.get(f"{path}?limit=2&cursor={first['next_cursor']}")).json()
    assert [one["member_id"] for one in first["items"] + rest["items"]] == ["a", "b", "c"]
    assert rest["next_cursor"] is None
    table = (await shop.get(path, Accept="text/csv")).text.splitlines()
    assert table[0] == "member_id,since,tier,free_from,offers"
    assert table[1] == f"a,{first['items'][0]['since']},weekly,,0"


# --- letters --------------------------------------------------------------------------------------------------------


async def test_a_letter_is_replayed_once(shop: Shop) -> None:
    """A command that an older version could not read, say."""
    await shop.meet("letters", ["a"])
    target, key, value = shop.feed.order("letters", wire.OpenGroup, body=wire.OpenBody("Late"))
    letter = f"{shop.feed.topic}-{target}-0"
    conn = await asyncpg.connect(shop.feed.admin_url)
    await conn.execute(
        "INSERT INTO segmentation.dead_letter (id, topic, partition, log_offset, code, detail, key, value) "
        "VALUES ($1, $2, $3, 0, 'unknown_type', 'no such command', $4, $5)",
        *(letter, shop.feed.topic, target, key, value),
    )
    await conn.close()
    path = f"/v1/dead-letters/{letter}/replay"
    answer = await shop.call("POST", path)
    assert answer.status_code == 202, answer.text
    position = answer.headers["x-qunli-position"]
    groups = (await shop.get("/v1/stores/letters/groups", position)).json()["items"]
    assert [group["name"] for group in groups] == ["Late"]
    again = await shop.call("POST", path)
    assert (again.status_code, again.json()["code"]) == (409, "letter_replayed")
    listed = (await shop.get("/v1/ops/dead-letters?limit=200")).json()["items"]
    assert [one["replayed_offset"] for one in listed if one["id"] == letter] == [answer.json()["offset"]]
    assert (await shop.call("POST", "/v1/dead-letters/none/replay")).status_code == 404
