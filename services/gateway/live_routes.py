"""The route of the stream. It is no span: one would end with the stream, after hours."""

import asyncio
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, Field
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as RequestScope

from libs.common.caller import Caller
from libs.common.callers import authorize
from libs.common.outbox import stop_task
from libs.common.traffic import UNTIMED
from services.gateway.gateway import ThisGateway
from services.gateway.live import Live
from services.gateway.live_frames import KINDS
from services.gateway.live_scope import ANY_PLACEMENT, Scope, kinds_of
from services.gateway.live_stream import Stream
from services.gateway.openapi import EVENTS, streamed
from services.gateway.params import Params, Reader, checked_store, own_stores

router = APIRouter(tags=["stream"])
MOST_STORES = 200
TYPES = sorted({*KINDS, ANY_PLACEMENT})


def _a_type(text: str) -> str:
    if text not in TYPES:
        raise ValueError("is no type of frame")
    return text


_Type = Annotated[str, AfterValidator(_a_type), Field(json_schema_extra={"enum": list(TYPES)})]


class StreamParams(Params):
    """Which frames, and from where on."""

    store: Annotated[
        tuple[str, ...],
        Field(max_length=MOST_STORES, description="only of these stores; without it, of all the caller's"),
    ] = ()
    type: Annotated[
        tuple[_Type, ...],
        Field(
            max_length=len(TYPES),
            description="only these; without it all but `transition.silent`. `placement`: all that happens to groups",
        ),
    ] = ()
    last_event_id: Annotated[
        str | None, Field(description="id of the last frame seen; the header Last-Event-ID, if there is one, wins")
    ] = None


@router.get("/v1/stream", **streamed())
async def stream(
    request: Request, caller: Reader, gateway: ThisGateway, params: Annotated[StreamParams, Query()]
) -> Response:
    """Changes of tiers, what happens to groups, and what becomes of commands, as they happen, as Server-Sent Events.

    Each frame comes once, in the order of the log. A stream that ended goes on, at any process, behind the id that is
    sent as Last-Event-ID. Open it first, then load what it keeps fresh, and apply a frame only to what is older than
    its `source`.
    """
    scope = Scope(_stores(caller, params.store), kinds_of(frozenset(params.type)))
    last_id = request.headers.get("last-event-id") or params.last_event_id
    credential = tuple(request.headers.get(name) for name in ("authorization", "cookie"))
    opened = await gateway.live.open(scope, last_id, lambda: authorize(request, "stores:read"), credential)
    return _Streaming(gateway.live, opened)


def _stores(caller: Caller, named: tuple[str, ...]) -> frozenset[str] | None:
    """Those that are named, or all that the caller has; None: every store. Problem not_found for a foreign one."""
    if named:
        return frozenset(checked_store(caller, store) for store in named)
    own = own_stores(caller)
    return None if own is None else frozenset(own)


class _Streaming(Response):
    """A stream as an answer without an end."""

    def __init__(self, live: Live, opened: Stream) -> None:
        super().__init__(headers={"Content-Type": EVENTS, "Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._live, self._stream = live, opened

    async def __call__(self, scope: RequestScope, receive: Receive, send: Send) -> None:
        scope[UNTIMED] = True
        leaving = asyncio.create_task(self._until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async with aclosing(self._stream.body()) as pieces:
                async for piece in pieces:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._live.close_stream(self._stream)
            await stop_task(leaving)

    async def _until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._stream.end("gone")
