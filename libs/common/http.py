"""HTTP as both doors speak it: problem answers with stable codes, traced routes, positions.

Errors are RFC 9457 `application/problem+json` with a member `code` out of PROBLEMS.
"""

import logging
import re
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

import asyncpg
import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from libs.common import telemetry
from libs.common.counters import count
from libs.common.cycle import ANSWER
from libs.common.errors import QunliError
from libs.common.kafka import LogUnavailable
from libs.common.postgres import DatabaseBusy, DatabaseUnavailable
from libs.common.traffic import TRACEPARENT
from libs.common.writer import TooMuchInFlight

MAX_BODY = 1 << 20
RETRY_AFTER = "1"

# Every code that an answer as a whole can carry: its status and title.
PROBLEMS: Mapping[str, tuple[int, str]] = {
    "unreadable": (400, "The body cannot be read"),
    "bad_value": (422, "A value does not fit"),
    "invalid": (422, "The request does not fit its description"),
    "bad_cursor": (422, "The cursor is not one of this list"),
    "bad_position": (400, "X-Qunli-After is not a position"),
    "position_beyond_log": (400, "X-Qunli-After is beyond the end of the log"),
    "not_applied_yet": (503, "The position has not been applied in time"),
    "unauthenticated": (401, "A valid credential is needed"),
    "csrf_failed": (403, "The session's CSRF token is needed"),
    "not_found": (404, "Nothing here"),
    "method_not_allowed": (405, "This method is not offered here"),
    "request_timeout": (408, "The request did not arrive in time"),
    "idempotency_key_missing": (400, "An Idempotency-Key is needed"),
    "bad_idempotency_key": (422, "The Idempotency-Key does not fit"),
    "idempotency_conflict": (409, "The Idempotency-Key stands for another command"),
    "day_not_over": (409, "The day is not over yet"),
    "letter_id_conflict": (409, "An id conflict cannot be replayed"),
    "letter_replayed": (409, "The letter has been replayed already"),
    "settings_busy": (409, "Settings are being changed by someone else"),
    "body_too_large": (413, "The body is too large"),
    "too_many_events": (413, "Too many events in one request"),
    "unsupported_media_type": (415, "This form of body is not accepted"),
    "unsupported_encoding": (415, "This encoding of a body is not accepted"),
    "rate_limited": (429, "Too many in a short time"),
    "head_too_large": (431, "The request's head is too large"),
    "too_many_connections": (503, "Too many connections"),
    "too_many_streams": (503, "Too many streams"),
    "log_unavailable": (503, "The log does not answer"),
    "too_much_in_flight": (503, "Too much waits for the log already"),
    "outcome_unknown": (503, "The log has not acknowledged in time"),
    "keys_unavailable": (503, "Keys cannot be checked"),
    "database_unavailable": (503, "The database does not answer"),
    "database_busy": (503, "The database is busy"),
    "internal": (500, "Something went wrong here"),
    "no_session_secret": (501, "This deployment has no sessions"),
}
SET_COOKIE = "qunli.set_cookie"  # in a request's scope: a cookie that its answer gives, whatever route it is
UNEXPECTED = PROBLEMS["internal"][0]
_BY_STATUS = {400: "unreadable", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 422: "invalid"}

log = logging.getLogger(__name__)


class Problem(QunliError):
    """{detail}"""

    headers: Mapping[str, str] = {}  # of the answer, beside those that its status has anyway

    def __init__(self, code: str, detail: str, **members: object) -> None:
        """`code` of PROBLEMS; `members` go into the answer beside it."""
        super().__init__(detail=detail)
        self.code = code
        self.detail = detail
        self.members = members


class JsonResponse(Response):
    """An answer of JSON whose headers are bytes already: making them from text costs more than sending it does."""

    def __init__(self, body: bytes, status: int, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """`headers`: their names in lower case."""
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *headers]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if ANSWER in scope.get("extensions", ()):
            await send({"type": ANSWER, "status": self.status_code, "headers": self.raw_headers, "body": self.body})
        else:
            await super().__call__(scope, receive, send)


def problem_response(
    code: str, detail: str, members: Mapping[str, object] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer to a request that failed as a whole; `members` stand beside the code."""
    status, title = PROBLEMS[code]
    count("qunli_problems_total", f'code="{code}"')
    body = {
        "type": f"urn:qunli:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        **(members or {}),
    }
    all_headers = {**_standing_headers(code, status), **(headers or {})}
    return Response(msgspec.json.encode(body), status, all_headers, "application/problem+json")


def _standing_headers(code: str, status: int) -> dict[str, str]:
    match status:
        case 401:
            return {"WWW-Authenticate": 'Bearer realm="qunli"'}
        case 413:
            return {"Connection": "close"}  # or the rest of the body would have to be read
        case 415 if code == "unsupported_encoding":
            return {"Accept-Encoding": "gzip"}  # RFC 9110, 12.5.3: with this kind of 415, and with no other
        case 503:
            return {"Retry-After": RETRY_AFTER}
        case _:
            return {}


# What goes wrong in the same way on every route.
_CODES: Mapping[type[Exception], str] = {
    TooMuchInFlight: "too_much_in_flight",
    LogUnavailable: "log_unavailable",
    DatabaseBusy: "database_busy",
    DatabaseUnavailable: "database_unavailable",
}
# InternalClientError: asyncpg's word for a connection that was cut while it lay idle in the pool
_DATABASE_FAILED = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ConnectionError,
    TimeoutError,
)


def install(app: FastAPI) -> None:
    """Have every error of the app answered as a problem."""
    own: tuple[type[Exception], ...] = (Problem, *_CODES, *_DATABASE_FAILED)
    for kind in (*own, ClientDisconnect, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _answer)


async def _answer(_: Request, error: Exception) -> Response:
    return answer_error(error)


def answer_error(error: Exception) -> Response:
    """The answer to a request that ended with an exception; `internal` for one that nobody expected."""
    match error:
        case Problem():
            return problem_response(error.code, error.detail, error.members, error.headers)
        case HTTPException():
            code = _BY_STATUS.get(error.status_code, "internal")
            return problem_response(code, f"{PROBLEMS[code][1]}.", headers=error.headers)
        case RequestValidationError():
            first = error.errors()[0]
            path = ".".join(str(part) for part in first["loc"][1:])
            return problem_response("invalid", first["msg"], {"path": path})
        case ClientDisconnect():  # for nobody to read
            return problem_response("unreadable", "The connection ended before the body did.")
        case _ if type(error) in _CODES:
            return problem_response(_CODES[type(error)], str(error))
        case _ if isinstance(error, _DATABASE_FAILED):
            log.warning("a request met a database that failed: %s", type(error).__name__)
            return problem_response("database_unavailable", "The database did not answer this request.")
        case _:
            return problem_response("internal", "The error is in the service's log, under this request's id.")


def status_of(error: Exception) -> int:
    """The status of that answer."""
    match error:
        case Problem():
            return PROBLEMS[error.code][0]
        case HTTPException():
            return error.status_code
        case RequestValidationError():
            return PROBLEMS["invalid"][0]
        case ClientDisconnect():
            return PROBLEMS["unreadable"][0]
        case _ if type(error) in _CODES or isinstance(error, _DATABASE_FAILED):
            return PROBLEMS["database_unavailable"][0]  # as all of them have
        case _:
            return UNEXPECTED


class TracedRoute(APIRoute):
    """A route whose requests are spans named by method and path template; never by the path itself."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        attributes = {"http.request.method": min(self.methods or ()), "http.route": self.path_format}
        name = f"{attributes['http.request.method']} {self.path_format}"

        async def traced(request: Request) -> Response:
            with telemetry.server_span(name, request.headers.get("traceparent"), attributes) as span:
                request.scope[TRACEPARENT] = span.traceparent
                try:
                    response = await handle(request)
                except Exception as error:
                    span.answered(status_of(error))
                    raise
                if cookie := request.scope.get(SET_COOKIE):
                    response.headers.append("Set-Cookie", cookie)
                span.answered(response.status_code)
                return response

        return traced


# --- positions --------------------------------------------------------------------------------------------------

Position = Mapping[tuple[str, int], int]
_POSITION = re.compile(r"([A-Za-z0-9._-]+)/([0-9]{1,5})=([0-9]{1,18})")


def format_position(topic: str, offsets: Iterable[tuple[int, int]]) -> str:
    """What `X-Qunli-Position` says: `member-events/0=123,member-events/7=55`, of (partition, offset) pairs."""
    return ",".join([f"{topic}/{partition}={offset}" for partition, offset in offsets])


def parse_position(text: str) -> Position:
    """The inverse, as `X-Qunli-After` brings it. ValueError if it is not one."""
    found: dict[tuple[str, int], int] = {}
    for part in text.split(","):
        match = _POSITION.fullmatch(part.strip())
        if not match:
            msg = f"{part!r} is no position topic/partition=offset"
            raise ValueError(msg)
        topic, partition, offset = match.groups()
        found[topic, int(partition)] = int(offset)
    return found
