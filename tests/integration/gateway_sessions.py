"""Managers' sessions as tests need them: begun by a link, or signed by the test itself as the gateway would."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from libs.common.caller import SESSION_SCOPES
from libs.common.clock import now_ms
from libs.common.sessions import COOKIE, Login, Session, sign
from tests.integration.gateway_world import SECRET

CSRF = "the-token-of-this-session"


@dataclass(frozen=True, slots=True)
class Held:
    """A session as its browser holds it."""

    cookie: str
    csrf: str = CSRF

    def headers(self, more: Mapping[str, str] | None = None, *, csrf: bool = True) -> dict[str, str]:
        """Of a request with it, and more."""
        token = {"X-CSRF-Token": self.csrf} if csrf else {}
        return {"Cookie": f"{COOKIE}={self.cookie}", **token, **(more or {})}


def id_of(key: str) -> str:
    """Of a server key's text."""
    return key.split("_")[1]


def a_login(key: str, **changes: Any) -> Login:
    """A link that this key's owner could have made."""
    whole = {
        "id": "0" * 32, "key": id_of(key), "name": "Li Wei", "stores": ("north",), "scopes": SESSION_SCOPES,
        "ttl": 3600, "exp": now_ms() // 1000 + 600, **changes,
    }  # fmt: skip
    return Login(**whole)


def a_session(key: str, age: int = 0, **changes: Any) -> Session:
    """A session that was given `age` seconds ago."""
    return a_login(key, **changes).begin(now_ms() // 1000 - age, CSRF)


def held(key: str, age: int = 0, **changes: Any) -> Held:
    """The same, signed."""
    return Held(sign(a_session(key, age, **changes), (SECRET,)))


async def ask_link(client: httpx.AsyncClient, key: str, **changes: Any) -> httpx.Response:
    """A link asked for with a server key."""
    body = {"name": "Li Wei", "stores": ["north"], "scopes": ["stores:read", "commands:write"], **changes}
    return await client.post("/v1/console/logins", json=body, headers={"Authorization": f"Bearer {key}"})


async def use_link(client: httpx.AsyncClient, login: str) -> httpx.Response:
    """A link, used as the page does. The client's own jar stays empty."""
    answer = await client.post("/v1/console/sessions", json={"login": login})
    client.cookies.clear()
    return answer


async def log_in(client: httpx.AsyncClient, key: str, **changes: Any) -> Held:
    """A session from its beginning."""
    link = await ask_link(client, key, **changes)
    assert link.status_code == 201, link.text
    answer = await use_link(client, link.json()["login"])
    assert answer.status_code == 201, answer.text
    return Held(cookie_of(answer), answer.json()["csrf"])


def cookie_of(answer: httpx.Response) -> str:
    """The session that an answer gives."""
    name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
    assert name == COOKIE
    return str(value)
