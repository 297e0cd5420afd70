"""Requests made by schemathesis from a door's OpenAPI: such as it describes, and such as it does not."""

import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

from tests.fuzz.wire import Headers, Request

OWN_HEADERS = (
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "x-schemathesis-testcaseid",
    "authorization",
)
Operations = Sequence[st.SearchStrategy[Any]]


def operations(document: dict[str, Any]) -> Operations:
    """A strategy of cases for each route and method of a description whose answer has an end."""
    paths = {path: methods for path, methods in document["paths"].items() if "text/event-stream" not in str(methods)}
    schema = schemathesis.openapi.from_dict({**document, "paths": paths})
    results: list[Any] = list(schema.get_all_operations())  # ok() raises where the description is wrong
    return [st.one_of([one.ok().as_strategy(generation_mode=mode) for mode in GenerationMode]) for one in results]


def request_of(case: Any, key: str, new_id: Callable[[], str]) -> Request:
    """A case as a request with a valid key, whatever credential it was made with.

    Events in its body whose ids would do get ids of their own.
    """
    given = case.as_transport_kwargs(base_url="http://door")
    prepared = requests.Request(
        given["method"], given["url"], params=given.get("params"), data=given.get("data"), json=given.get("json")
    ).prepare()
    whole = {**prepared.headers, **given["headers"]}
    headers: Headers = tuple(
        (name.encode(), _octets(value)) for name, value in whole.items() if name.lower() not in OWN_HEADERS
    )
    target = urlsplit(str(prepared.url))
    query = f"?{target.query}" if target.query else ""
    return Request(
        case.method.upper().encode(),
        f"{target.path}{query}".encode(),
        (*headers, (b"Authorization", b"Bearer " + key.encode())),
        _with_ids(_octets(prepared.body or b""), new_id),
    )


def _octets(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _with_ids(body: bytes, new_id: Callable[[], str]) -> bytes:
    try:
        value = json.loads(body)
    except ValueError:
        return body
    events = value if isinstance(value, list) else [value]
    named = [event for event in events if isinstance(event, dict) and isinstance(event.get("id"), str)]
    if not named:
        return body
    for event in named:
        event["id"] = new_id()
    return json.dumps(value).encode()
