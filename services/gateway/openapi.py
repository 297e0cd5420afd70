"""OpenAPI from the shapes that are encoded: what is described is what is sent."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from libs.common.callers import security
from libs.common.commands import DistrictsBody, ThemesBody
from libs.common.http import PROBLEMS
from services.gateway import (
    command_shapes,
    group_shapes,
    live_shapes,
    matrix_shapes,
    member_shapes,
    ops_shapes,
    store_shapes,
)
from services.gateway.answers import CSV, JSON
from services.gateway.commands import KINDS, Kind
from services.gateway.shapes import Shape

SHAPES: Mapping[str, type[Shape]] = {
    name: kind
    for module in (member_shapes, store_shapes, matrix_shapes, group_shapes, command_shapes, ops_shapes, live_shapes)
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
    "placement_id": {"pattern": _REF, "examples": ["sh-001~m-42~1"]},
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
    404: "foreign, or not within the credential's scope",
    413: "over 1,000,000 bytes",
    415: "another form of body",
    422: "a value does not fit: `path` and `fault` say which and why",
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
    as_of: bool = True,
    conflict: bool = False,
    who: Security = (),
) -> dict[str, Any]:
    """What a route says about itself: the shape of its answer, its refusals and its headers.

    `who`: who may call, for a route without a dependency that says so.
    """
    content: dict[str, Any] = {JSON: {"schema": {"$ref": REF.format(name=shape.__name__)}}}
    if csv:
        content[CSV] = {"schema": {"type": "string"}}
    good = {"description": shape.__doc__, "content": content, "headers": AS_OF if as_of else {}}
    refusals = {**_REFUSALS, **({409: _CONFLICT} if conflict else {})}
    return {
        "response_model": None,
        "response_class": Response,
        "responses": {200: good, **_problems(refusals)},
        "openapi_extra": {
            **({"security": list(who)} if who else {}),
            **({"parameters": [AFTER]} if as_of else {}),
        },
    }


def _problems(refusals: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    content = {"application/problem+json": {"schema": {"$ref": REF.format(name="Problem")}}}
    return {status: {"description": text, "content": content} for status, text in refusals.items()}


def commanded(kind: Kind, shape: type[msgspec.Struct]) -> dict[str, Any]:
    """What the route of a command says about itself."""
    content: dict[str, Any] = {JSON: {"schema": {"$ref": REF.format(name=kind.body.__name__)}}}
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
            "parameters": [*path, IDEMPOTENCY_KEY, *([IF_MATCH] if kind.body is ThemesBody else [])],
            "requestBody": {"required": not kind.is_empty, "content": content},
        },
    }


def replaying(shape: type[msgspec.Struct]) -> dict[str, Any]:
    """What the route that replays a dead letter says about itself."""
    good = {
        "description": shape.__doc__,
        "content": {JSON: {"schema": {"$ref": REF.format(name=shape.__name__)}}},
        "headers": POSITION,
    }
    refusals = {status: text for status, text in _COMMAND_REFUSALS.items() if status in {401, 404, 422, 503}}
    return {
        "status_code": 202,
        "response_model": None,
        "response_class": Response,
        "responses": {202: good, **_problems({**refusals, 409: "its replay was applied already"})},
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
    bodies = [kind.body for kind in KINDS]
    _, components = msgspec.json.schema_components([*SHAPES.values(), *bodies], ref_template=REF)
    return components
