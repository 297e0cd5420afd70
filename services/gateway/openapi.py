"""OpenAPI from the shapes that are encoded: what is described is what is sent."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from libs.common.http import PROBLEMS
from services.gateway import member_shapes, ops_shapes, store_shapes
from services.gateway.answers import CSV, JSON
from services.gateway.shapes import Shape

SHAPES: Mapping[str, type[Shape]] = {
    name: kind
    for module in (member_shapes, store_shapes, ops_shapes)
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
        "path": {"type": "string", "description": "the parameter that does not fit"},
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
_REFUSALS: Mapping[int, str] = {
    400: "X-Qunli-After is malformed, or beyond the end of the log",
    401: "no valid credential",
    404: "not there, foreign, or not within the credential's scope",
    422: "a parameter does not fit",
    503: "the database does not answer, or X-Qunli-After was not applied in time: try again",
}


def documented(
    shape: type[msgspec.Struct], *, csv: bool = False, as_of: bool = True, security: Security = ()
) -> dict[str, Any]:
    """What a route says about itself: the shape of its answer, its refusals and its headers.

    `security`: who may call, for a route without a dependency that says so.
    """
    content: dict[str, Any] = {JSON: {"schema": {"$ref": REF.format(name=shape.__name__)}}}
    if csv:
        content[CSV] = {"schema": {"type": "string"}}
    good = {"description": shape.__doc__, "content": content, "headers": AS_OF if as_of else {}}
    problem = {"application/problem+json": {"schema": {"$ref": REF.format(name="Problem")}}}
    return {
        "response_model": None,
        "response_class": Response,
        "responses": {
            200: good,
            **{status: {"description": text, "content": problem} for status, text in _REFUSALS.items()},
        },
        "openapi_extra": {
            **({"security": list(security)} if security else {}),
            **({"parameters": [AFTER]} if as_of else {}),
        },
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
    _, components = msgspec.json.schema_components(SHAPES.values(), ref_template=REF)
    return components
