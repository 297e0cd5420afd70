"""Answers that go out as a whole: what a connection writes, in which order, and when it closes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config

from libs.common.connections import Connection, Connections
from libs.common.gathering import Gathering
from libs.common.http import JsonResponse
from libs.common.patience import Patience

POST = b"POST /x HTTP/1.1\r\nHost: door\r\nContent-Length: 2\r\n\r\n{}"
DATE = b"Tue, 24 Nov 2026 12:00:00 GMT"
HEAD = (
    b"HTTP/1.1 202 Accepted\r\ndate: "
    + DATE
    + b"\r\ncontent-type: application/json\r\ncontent-length: 2\r\nx-more: 1\r\n"
)
PATIENCE = Patience(head=9, body=9, idle=9, unread=9, connections=9)

App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Wire(asyncio.Transport):
    """The client's end of a connection, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.said = b""
        self.closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)}.get(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.said += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def answering(scope: Scope, receive: Receive, send: Send) -> None:
    body = (await receive())["body"]
    await JsonResponse(body, 202, [(b"x-more", b"1")])(scope, receive, send)


def connect(app: App = answering, gathering: Gathering | None = None) -> tuple[Wire, Connection]:
    config = Config(app, interface="asgi3", ws="none", log_config=None)
    wire, connections = Wire(), Connections(PATIENCE, gathering)
    connections.default_headers = [(b"date", DATE)]  # as the server sets it once a second
    connection = Connection(config, connections, {}, asyncio.get_running_loop())
    connection.connection_made(wire)
    return wire, connection


async def said(wire: Wire, expected: bytes) -> None:
    async with asyncio.timeout(10):
        while len(wire.said) < len(expected):  # noqa: ASYNC110 - the connection works in tasks of its own
            await asyncio.sleep(0)
    assert wire.said == expected


@pytest.mark.parametrize("gathered", [False, True])
async def test_a_whole_answer_is_head_and_body(gathered: bool) -> None:
    wire, connection = connect(gathering=Gathering() if gathered else None)
    connection.data_received(POST)
    await said(wire, HEAD + b"\r\n{}")
    connection.data_received(POST)
    await said(wire, 2 * (HEAD + b"\r\n{}"))
    assert not wire.closed


async def test_answers_come_in_the_order_of_their_requests() -> None:
    wire, connection = connect()
    connection.data_received(POST + POST.replace(b"{}", b"[]") + POST)
    await said(wire, b"".join(HEAD + b"\r\n" + body for body in (b"{}", b"[]", b"{}")))


async def test_a_client_that_wants_no_more_is_told_so_and_the_connection_closed() -> None:
    wire, connection = connect()
    connection.data_received(POST.replace(b"Host", b"Connection: close\r\nHost"))
    await said(wire, HEAD + b"connection: close\r\n\r\n{}")
    assert wire.closed


async def test_a_request_that_is_held_is_not_lost_when_the_process_is_to_end() -> None:
    wire, connection = connect(gathering=Gathering())
    connection.data_received(POST)
    assert wire.said == b""
    connection.shutdown()
    await said(wire, HEAD + b"connection: close\r\n\r\n{}")
    assert wire.closed


async def test_pieces_of_a_request_are_held_together() -> None:
    wire, connection = connect(gathering=Gathering())
    for at in range(0, len(POST), 7):
        connection.data_received(POST[at : at + 7])
    await said(wire, HEAD + b"\r\n{}")


async def test_what_is_large_is_read_at_once() -> None:
    begun = list[Scope]()

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        begun.append(scope)
        await answering(scope, receive, send)

    _, connection = connect(noting, Gathering())
    connection.data_received(b"POST /x HTTP/1.1\r\nHost: door\r\nContent-Length: 30000\r\n\r\n" + b" " * 20_000)
    await asyncio.sleep(0)
    assert [scope["path"] for scope in begun] == ["/x"]
    connection.connection_lost(None)


async def test_nothing_is_said_to_a_client_that_has_gone() -> None:
    waiting = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await waiting.wait()
        await answering(scope, receive, send)

    wire, connection = connect(slow)
    connection.data_received(POST)
    await asyncio.sleep(0)
    connection.connection_lost(None)
    waiting.set()
    async with asyncio.timeout(10):
        while connection.tasks:  # noqa: ASYNC110 - the connection works in tasks of its own
            await asyncio.sleep(0)
    assert wire.said == b""
