"""Commands through the gateway, as any caller gives them: sent until the log has them, and what became of them."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import Event
from typing import TypeVar

import httpx
import msgspec

from libs.common.clock import monotonic
from libs.common.commands import Body
from libs.common.errors import QunliError, UserError
from services.gateway import command_shapes, shapes

PATIENCE_SECONDS = 120.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
PAGE = 200

T = TypeVar("T", bound=shapes.Shape)


class NoAnswer(QunliError):
    """The gateway {url} has not answered for {seconds:.0f} s ({reason}). Run the same command again: what it was given counts once."""  # noqa: E501


class GatewaySays(QunliError):
    """The gateway answered {status} to {path}: {text}"""


class Refused(QunliError):
    """{command} was refused: {reason}"""


@dataclass(frozen=True, slots=True)
class Order:
    """A command: the same `key` gives it once, however often it is sent. A `body` of bytes is CSV."""

    method: str
    path: str
    key: str
    body: Body | bytes | None = None

    @property
    def content(self) -> tuple[bytes, str]:
        """What is sent, and its media type."""
        if isinstance(self.body, bytes):
            return self.body, "text/csv"
        return b"" if self.body is None else msgspec.json.encode(self.body), "application/json"


@dataclass(frozen=True, slots=True)
class Given:
    """A command that the log has. `location`: where its outcome is told."""

    command_id: str
    location: str
    position: str


def connect(url: str, key: str) -> httpx.Client:
    """A client of the gateway at `url`; threads may share it."""
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=url, headers=headers, timeout=30.0, trust_env=False)


def give(gateway: httpx.Client, order: Order) -> Given:
    """Send a command until the log has it. GatewaySays, UserError, NoAnswer."""
    content, media = order.content
    headers = {"Idempotency-Key": order.key, "Content-Type": media}
    response = _ask(gateway, order.method, order.path, headers, content)
    return Given(response.json()["command_id"], response.headers["Location"], response.headers["X-Qunli-Position"])


def outcome(gateway: httpx.Client, given: Given) -> command_shapes.Outcome:
    """What became of a command, once it is applied. NoAnswer."""
    pauses = Pauses(str(gateway.base_url), "the command is not applied")
    while True:
        response = _ask(gateway, "GET", given.location, {"X-Qunli-After": given.position})
        state = msgspec.json.decode(response.content, type=command_shapes.CommandState)
        if state.outcome is not None:
            return state.outcome
        pauses.rest()


def carry_out(gateway: httpx.Client, order: Order) -> command_shapes.Outcome:
    """Give a command and wait for it. Refused where it is."""
    found = outcome(gateway, give(gateway, order))
    if found.state == "refused":
        raise Refused(command=found.command, reason=found.reason)
    return found


def read(gateway: httpx.Client, path: str, shape: type[T], parameters: Mapping[str, str | int] | None = None) -> T:
    """One answer. GatewaySays if it is an error, NoAnswer."""
    return msgspec.json.decode(_ask(gateway, "GET", path, parameters=parameters).content, type=shape)


def pages(
    gateway: httpx.Client, path: str, shape: type[T], parameters: Mapping[str, str | int] | None = None
) -> Iterator[T]:
    """Every page of a list."""
    asked: dict[str, str | int] = {"limit": PAGE, **(parameters or {})}
    while True:
        page = read(gateway, path, shape, asked)
        yield page
        cursor = getattr(page, "next_cursor", None)
        if cursor is None:
            return
        asked["cursor"] = cursor


def _ask(
    gateway: httpx.Client,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    content: bytes = b"",
    parameters: Mapping[str, str | int] | None = None,
) -> httpx.Response:
    pauses = Pauses(str(gateway.base_url))
    while True:
        try:
            response = gateway.request(method, path, headers=headers, content=content or None, params=parameters)
        except httpx.TransportError as error:
            pauses.reason = type(error).__name__
        else:
            if response.is_success:
                return response
            if response.status_code != 429 and response.status_code < 500:
                raise _refusal(path, response)
            pauses.reason = f"status {response.status_code}"
        pauses.rest()


def _refusal(path: str, response: httpx.Response) -> QunliError:
    if response.status_code in {401, 403}:
        return UserError("The gateway refuses this key.", "It needs the scopes stores:read and commands:write.")
    return GatewaySays(status=response.status_code, path=path, text=response.text[:300])


@dataclass(slots=True)
class Pauses:
    """Growing rests between tries, until patience ends."""

    url: str
    reason: str = ""
    pause: float = FIRST_PAUSE
    began: float | None = None

    def rest(self) -> None:
        """Wait at random below a doubling bound. NoAnswer at last."""
        self.began = monotonic() if self.began is None else self.began
        if monotonic() - self.began > PATIENCE_SECONDS:
            raise NoAnswer(url=self.url, seconds=PATIENCE_SECONDS, reason=self.reason)
        Event().wait(random.uniform(self.pause / 2, self.pause))  # noqa: S311 - no secret
        self.pause = min(self.pause * 2, LONGEST_PAUSE)
