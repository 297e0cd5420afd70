"""Answers as they leave: JSON, or CSV for lists, with the position they stand for and a link to the next page."""

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from fastapi import Depends, Request
from starlette.responses import Response

from libs.common.http import JsonResponse, Problem
from services.gateway.pages import as_csv
from services.gateway.positions import Positions, as_of

CSV = "text/csv"
JSON = "application/json"
_TAG = re.compile(r'(?:W/)?("[^"]*")')  # weak ones are as good here (RFC 9110, 13.1.2)
_OF_304 = {"etag", "cache-control", "vary", "link", "x-qunli-as-of"}
_NO_STORE = (b"cache-control", b"no-store")
_encoder = msgspec.json.Encoder()
_MEDIA = re.compile(r"\s*([a-z*]+/[a-z*+.-]+)\s*(?:;.*?\bq=([01](?:\.\d{0,3})?))?[^,]*", re.IGNORECASE)


def answer(content: msgspec.Struct, positions: Positions) -> Response:
    """An object as JSON."""
    return answer_at(content, as_of(positions))


def answer_at(content: msgspec.Struct, stands: str) -> Response:
    """The same, where `X-Qunli-As-Of` is known already."""
    return JsonResponse(_encoder.encode(content), 200, [(b"x-qunli-as-of", stands.encode()), _NO_STORE])


def listing(
    request: Request,
    page: msgspec.Struct,
    items: Sequence[msgspec.Struct],
    shape: type[msgspec.Struct],
    next_cursor: str | None,
    positions: Positions,
) -> Response:
    """A page of a list: as JSON all of it, as CSV (`Accept: text/csv`) its items. Link leads to the next page."""
    headers = {**_headers(as_of(positions)), "Vary": "Accept"}
    if next_cursor is not None:
        headers["Link"] = f'<{_next_url(request, next_cursor)}>; rel="next"'
    if wants_csv(request.headers.get("accept", "")):
        return Response(as_csv(items, shape), headers=headers, media_type=CSV)
    return Response(_encoder.encode(page), headers=headers, media_type=JSON)


def conditional(request: Request, response: Response) -> Response:
    """The answer with an ETag, of its body unless it has one; 304 without the body where If-None-Match names it.

    It costs as much to make, but not to send again; a browser may keep it, and asks each time.
    """
    tag = response.headers.setdefault("ETag", f'"{blake2b(response.body, digest_size=16).hexdigest()}"')
    response.headers["Cache-Control"] = "private, no-cache"
    if not names_tag(request.headers.get("if-none-match", ""), tag):
        return response
    headers = {name: value for name, value in response.headers.items() if name in _OF_304}
    return Response(status_code=304, headers=headers)


def names_tag(if_none_match: str, tag: str) -> bool:
    """Whether a caller says, in If-None-Match, that it has this content."""
    return if_none_match.strip() == "*" or tag in _TAG.findall(if_none_match)


def _headers(stands: str) -> dict[str, str]:
    return {"X-Qunli-As-Of": stands, "Cache-Control": "no-store"}


def _next_url(request: Request, cursor: str) -> str:
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return f"{request.url.path}?{urlencode([*query, ('cursor', cursor)])}"


def wants_csv(accept: str) -> bool:
    """Whether an Accept header asks for CSV rather than JSON; in doubt it does not."""
    weights = {found[1].lower(): float(found[2] or 1) for found in _MEDIA.finditer(accept)}
    csv = weights.get(CSV, 0.0)
    return csv > 0 and csv > weights.get(JSON, 0.0)


def refuse_parameters(request: Request) -> None:
    """For routes without parameters. Problem invalid."""
    for name in request.query_params:
        raise unfit(name, "this route has no such parameter")


# To stand last among a route's parameters: what the caller may do is judged first.
NoParameters = Annotated[None, Depends(refuse_parameters)]


def unfit(path: str, detail: str) -> Problem:
    """A parameter that does not fit."""
    return Problem("invalid", detail, path=path)
