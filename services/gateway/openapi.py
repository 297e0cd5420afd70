"""OpenAPI from the shapes that are encoded: what is described is what is sent."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from libs.common.commands import DistrictsBody, ThemesBody
from libs.common.http import PROBLEMS
from services.gateway import (
    command_shapes,
    console_shapes,
    group_shapes,
    live_shapes,
    matrix_shapes,
    member_shapes,
    ops_shapes,
    store_shapes,
)
from services.gateway.answers import CSV, JSON
from services.gateway.command_examples import EXAMPLES
from services.gateway.commands import KINDS, Kind
from services.gateway.shapes import Shape
from services.gateway.who import security

SHAPES: Mapping[str, type[Shape]] = {
    name: kind
    for module in (
        member_shapes,
        store_shapes,
        matrix_shapes,
        group_shapes,
        command_shapes,
        console_shapes,
        ops_shapes,
        live_shapes,
    )
    for name, kind in vars(module).items()
    if isinstance(kind, type) and issubclass(kind, Shape)
}
Security = Sequence[Mapping[str, Sequence[str]]]
REF = "#/components/schemas/{name}"
PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:qunli:problem:not_found"]},
        "title": {"type": "string", "examples": ["Nothing here"]},
        "status": {"type": "integer", "examples": [404]},
        "code": {"type": "string", "enum": sorted(PROBLEMS)},
        "detail": {"type": "string", "examples": ["Nothing here."]},
        "path": {"type": "string", "description": "the parameter or field that does not fit"},
        "fault": {"type": "string", "description": "what is wrong with it, in one word"},
    },
}
AFTER = {
    "name": "X-Qunli-After",
    "in": "header",
    "schema": {"type": "string", "examples": ["member-events/3=1207"]},
    "description": "X-Qunli-Position of a write: wait up to 5 s until the answer holds it",
}
AS_OF = {
    "X-Qunli-As-Of": {
        "description": "next offset of each partition that the answer stands for, and a close that is running",
        "schema": {"type": "string", "examples": ["member-events/0=17,member-events/1=9;close=8"]},
    }
}
POSITION = {
    "X-Qunli-Position": {
        "description": "where it stands on the log: send it as X-Qunli-After to read what came of it",
        "schema": {"type": "string", "examples": ["store-feed/3=1207"]},
    }
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "examples": ["8e03978e-40d5-43e8-bc93-6894a57f9324"],
    },
    "description": "a text of your own; the same at each attempt, another one for each command",
}
CSRF = {
    "name": "X-CSRF-Token",
    "in": "header",
    "schema": {"type": "string"},
    "description": "of a session: the csrf of GET /v1/me",
}
ETAG = {"ETag": {"description": "of this answer", "schema": {"type": "string", "examples": ['"3"']}}}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "schema": {"type": "string", "examples": ['"3"']},
    "description": "the ETag of an answer that the caller has: 304 if it is the same still",
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "schema": {"type": "string", "examples": ['"3"']},
    "description": "the ETag of GET: replace just this set",
}
_ID, _REF = "^[A-Za-z0-9._:-]{1,64}$", "^[A-Za-z0-9._:-]{1,64}~[A-Za-z0-9._:~-]{1,128}$"
_IDS: Mapping[str, Mapping[str, Any]] = {
    "store_id": {"pattern": _ID, "examples": ["sh-001"]},
    "member_id": {"pattern": _ID, "examples": ["m-42"]},
    "group_id": {"pattern": _REF, "examples": ["sh-001~g7", "sh-001~platform:wrkSFfCgAA"]},
    "plan_id": {"pattern": _REF, "examples": ["sh-001~p3-1207"]},
    "placement_id": {"pattern": _REF, "examples": ["sh-001~m-42~2"]},
}
LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "schema": {"type": "string"},
    "description": "id of the last frame seen: the stream goes on behind it",
}
EVENTS = "text/event-stream"
_FRAMES = ("TransitionFrame", "DayClosedFrame", "PlacementFrame", "OutcomeFrame", "ResetFrame", "LaggedFrame")
_CONFLICT = "the Idempotency-Key was used for another command before"
_COMMAND_REFUSALS: Mapping[int, str] = {
    400: "unreadable JSON or CSV, or no Idempotency-Key",
    401: "no valid credential",
    403: "a session's cookie without its X-CSRF-Token",
    404: "foreign, or not within the credential's scope",
    413: "over 1,000,000 bytes",
    415: "another form of body",
    422: "a value does not fit: `path` and `fault` say which and why",
    429: "more than the rate of this caller",
    503: "the log does not answer, or has not acknowledged: send it again with the same Idempotency-Key",
}
_REFUSALS: Mapping[int, str] = {
    400: "X-Qunli-After is malformed, or beyond the end of the log",
    401: "no valid credential",
    404: "not there, foreign, or not within the credential's scope",
    422: "a parameter does not fit",
    503: "the database does not answer, or X-Qunli-After was not applied in time: try again",
}


def documented(
    shape: type[msgspec.Struct],
    *,
    csv: bool = False,
    etag: bool = False,
    as_of: bool = True,
    conflict: bool = False,
    who: Security = (),
) -> dict[str, Any]:
    """What a route says about itself: the shape of its answer, its refusals and its headers.

    `etag`: its answer need not be sent again while it is the same.
    `who`: who may call, for a route without a dependency that says so.
    """
    content: dict[str, Any] = {JSON: {"schema": {"$ref": REF.format(name=shape.__name__)}}}
    if csv:
        content[CSV] = {"schema": {"type": "string"}}
    headers = {**(AS_OF if as_of else {}), **(ETAG if etag else {})}
    good = {"description": shape.__doc__, "content": content, "headers": headers}
    same = {304: {"description": "the answer that If-None-Match names", "headers": headers}} if etag else {}
    refusals = {**_REFUSALS, **({409: _CONFLICT} if conflict else {})}
    parameters = [*([AFTER] if as_of else []), *([IF_NONE_MATCH] if etag else [])]
    return {
        "response_model": None,
        "response_class": Response,
        "responses": {200: good, **same, **_problems(refusals)},
        "openapi_extra": {
            **({"security": list(who)} if who else {}),
            **({"parameters": parameters} if parameters else {}),
        },
    }


def _problems(refusals: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    content = {"application/problem+json": {"schema": {"$ref": REF.format(name="Problem")}}}
    return {status: {"description": text, "content": content} for status, text in refusals.items()}


def commanded(kind: Kind, shape: type[msgspec.Struct]) -> dict[str, Any]:
    """What the route of a command says about itself."""
    content: dict[str, Any] = {JSON: {"schema": {"$ref": REF.format(name=kind.body.__name__)}}}
    if kind.name in EXAMPLES:
        content[JSON]["example"] = EXAMPLES[kind.name]
    if kind.body is DistrictsBody:
        content[CSV] = {"schema": {"type": "string"}, "example": "a,b,value\nPudong,Minhang,700\n"}
    path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", **_IDS[name]}}
        for name in re.findall(r"{(\w+)}", kind.path)
    ]
    good = {
        "description": shape.__doc__,
        "content": {JSON: {"schema": {"$ref": REF.format(name=shape.__name__)}}},
        "headers": {**POSITION, "Location": {"schema": {"type": "string"}, "description": "what becomes of it"}},
    }
    return {
        "response_model": None,
        "response_class": Response,
        "responses": {202: good, **_problems(_COMMAND_REFUSALS)},
        "openapi_extra": {
            "security": security(*kind.scopes),
            "parameters": [*path, IDEMPOTENCY_KEY, CSRF, *([IF_MATCH] if kind.body is ThemesBody else [])],
            "requestBody": {"required": not kind.is_empty, "content": content},
        },
    }


def replaying(shape: type[msgspec.Struct]) -> dict[str, Any]:
    """What the route that replays a dead letter says about itself."""
    return changing(202, shape, {401, 404, 422, 503}, {409: "its replay was applied already"}, headers=POSITION)


def changing(
    status: int,
    shape: type[msgspec.Struct] | None,
    refusals: Collection[int],
    own: Mapping[int, str],
    *,
    body: tuple[type[msgspec.Struct], Mapping[str, Any]] | None = None,
    headers: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What a route that changes something, and is no command, says about itself.

    `refusals`: those that it has in common with commands; `own`: others, or in other words. `body`: with an example.
    """
    good: dict[str, Any] = {"description": "It is done." if shape is None else shape.__doc__, "headers": headers or {}}
    if shape is not None:
        good["content"] = {JSON: {"schema": {"$ref": REF.format(name=shape.__name__)}}}
    common = {code: text for code, text in _COMMAND_REFUSALS.items() if code in refusals}
    extra: dict[str, Any] = {}
    if body is not None:
        content = {JSON: {"schema": {"$ref": REF.format(name=body[0].__name__)}, "example": body[1]}}
        extra["requestBody"] = {"required": True, "content": content}
    return {
        "status_code": status,
        "response_model": None,
        "response_class": Response,
        "responses": {status: good, **_problems({**common, **own})},
        "openapi_extra": extra,
    }


def streamed() -> dict[str, Any]:
    """What the route of the stream says about itself."""
    data = {"oneOf": [{"$ref": REF.format(name=name)} for name in _FRAMES]}
    frames = {
        "type": "string",
        "description": "frames of `id`, `event` and one line of `data`: JSON as contentSchema says",
        "contentMediaType": JSON,
        "contentSchema": data,
    }
    good = {"description": "frames, without an end", "content": {EVENTS: {"schema": frames}}}
    refusals = {status: text for status, text in _REFUSALS.items() if status in {401, 404, 422}}
    refusals[503] = "the log does not answer, or this process has as many streams as it may: try again"
    return {
        "response_model": None,
        "response_class": Response,
        "responses": {200: good, **_problems(refusals)},
        "openapi_extra": {"parameters": [LAST_EVENT_ID]},
    }


def describe(app: FastAPI) -> None:
    """Have the app serve this description at its `openapi_url`."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                openapi_version="3.1.0",
                routes=app.routes,
            )
            made.setdefault("components", {}).setdefault("schemas", {}).update(_schemas(), Problem=PROBLEM)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way of extending it


def _schemas() -> dict[str, Any]:
    bodies = [*(kind.body for kind in KINDS), console_shapes.LoginBody, console_shapes.SessionBody]
    _, components = msgspec.json.schema_components([*SHAPES.values(), *bodies], ref_template=REF)
    return components
