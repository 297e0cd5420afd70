"""The OpenAPI description of ingest: made from the types that decode the bodies, with examples that are valid."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from msgspec import Struct

from libs.common.callers import security, security_schemes
from libs.common.http import PROBLEMS
from services.ingest import forms
from services.ingest.cloudevents import NAMES, AnyCloudEvent
from services.ingest.domain import MAX_EVENT, PostedEvent

_schemas: dict[str, Any] = {}

EXAMPLES: dict[str, dict[str, Any]] = {
    "join": {"channel": "qr", "invited_by": "m-7", "district": "Xuhui", "interests": ["baby", "tea"]},
    "message": {"kind": "text", "group_id": "sh-001~g1", "text": "有没有人拼单？", "mentions": ["m-7"]},
    "purchase": {
        "order_id": "o-9",
        "currency": "CNY",
        "total_minor": 12850,
        "items": [{"sku": "4006381", "category": "baby", "quantity": 2, "amount_minor": 12850}],
    },
    "check_in": {"method": "qr", "latitude": 31.2304, "longitude": 121.4737},
    "leave": {"reason": "moved away"},
}


def example(event_type: str) -> dict[str, Any]:
    """An event of this type as it may be posted."""
    return {
        "id": f"example-{event_type}",
        "type": event_type,
        "store_id": "sh-001",
        "member_id": "m-42",
        "occurred_at": "2026-11-22T18:03:11+08:00",
        "data": deepcopy(EXAMPLES[event_type]),
    }


def cloud_example(event_type: str) -> dict[str, Any]:
    """The same as a CloudEvent."""
    event = {NAMES.get(name, name): value for name, value in example(event_type).items()}
    return event | {
        "specversion": "1.0",
        "type": f"qunli.{event_type}.v1",
        "source": "https://till.example/stores/sh-001",
    }


def reference(kind: Any) -> dict[str, str]:
    """A schema that points to this type's."""
    ref: dict[str, str]
    (ref,), components = msgspec.json.schema_components([kind], ref_template="#/components/schemas/{name}")
    _schemas.update(components)
    return ref


def body_of(kind: type[Struct]) -> dict[str, Any]:
    """`openapi_extra` of a route whose body is read from its bytes as this type."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": reference(kind)}}}}


def answers(kinds: Mapping[int, type[Struct]], *problems: int) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route: the type of each status, and the statuses that come as a problem."""
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        **{
            status: {
                "description": (kind.__doc__ or "").splitlines()[0],
                "content": {"application/json": {"schema": reference(kind)}},
            }
            for status, kind in kinds.items()
        },
        **{
            status: {
                "description": HTTPStatus(status).phrase,
                "content": {"application/problem+json": problem},
            }
            for status in problems
        },
    }


def events_body() -> dict[str, Any]:
    """`openapi_extra` of `POST /v1/events`."""
    return {
        "security": security("events:write"),
        "requestBody": {
            "required": True,
            "description": f"At most {forms.MAX_BODY} bytes and {forms.MAX_EVENTS} events, {MAX_EVENT} bytes an event. "
            "With Content-Encoding: gzip the body is one gzip member, and these limits hold for what is inflated.",
            "content": _contents(),
        },
    }


def _contents() -> dict[str, Any]:
    """Every form of a body, with examples that are accepted as they stand."""
    native, cloud = reference(PostedEvent), reference(AnyCloudEvent)
    lines = "".join(f"{json.dumps(example(name), ensure_ascii=False)}\n" for name in EXAMPLES)
    return {
        forms.JSON: {
            "schema": {"oneOf": [native, _many(native)]},
            "examples": _examples(example) | {"array": {"value": [example(name) for name in EXAMPLES]}},
        },
        forms.NDJSON: {
            "schema": {"type": "string", "description": "an event a line"},
            "examples": {"lines": {"value": lines}},
        },
        forms.CLOUDEVENT: {"schema": cloud, "examples": _examples(cloud_example)},
        forms.CLOUDEVENTS: {
            "schema": _many(cloud),
            "examples": {"batch": {"value": [cloud_example(name) for name in EXAMPLES]}},
        },
    }


def _many(one: dict[str, str]) -> dict[str, Any]:
    return {"type": "array", "items": one, "minItems": 1, "maxItems": forms.MAX_EVENTS}


def _examples(make: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return {name: {"value": make(name)} for name in EXAMPLES}


def describe(app: FastAPI) -> None:
    """Have the app serve this description at its `openapi_url`."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, openapi_version="3.1.0", routes=app.routes)
            components = made.setdefault("components", {})
            components.setdefault("schemas", {}).update(_schemas, Problem=_problem())
            components["securitySchemes"] = security_schemes()
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way of extending it


def _problem() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "RFC 9457; a program goes by `code`",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": text,
            "title": text,
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": sorted(PROBLEMS)},
            "detail": text,
            "path": text,
        },
    }
