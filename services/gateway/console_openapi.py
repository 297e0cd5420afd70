"""What the routes of the console's sessions say about themselves."""

from typing import Any

import msgspec

from services.gateway.openapi import CSRF, changing

SET_COOKIE = {"Set-Cookie": {"description": "the session's cookie", "schema": {"type": "string"}}}
UNSIGNED = "no secret is set that sessions are signed with"


def logging_in(shape: type[msgspec.Struct], body: type[msgspec.Struct]) -> dict[str, Any]:
    """What the route that makes login links says about itself."""
    own = {400: "unreadable JSON", 404: "not within the scopes and stores of the key", 501: UNSIGNED}
    example = {"name": "Li Wei", "stores": ["sh-001"], "scopes": ["stores:read", "commands:write"], "ttl": 28_800}
    return changing(201, shape, {401, 413, 415, 422, 429, 503}, own, body=(body, example))


def beginning(shape: type[msgspec.Struct], body: type[msgspec.Struct]) -> dict[str, Any]:
    """What the route that begins a session says about itself: it needs no credential but the link."""
    own = {400: "unreadable JSON", 401: "the link is not valid, or was used", 501: UNSIGNED}
    said = changing(201, shape, {413, 415, 422, 503}, own, body=(body, {"login": "eyJ..."}), headers=SET_COOKIE)
    said["openapi_extra"]["security"] = [{}]
    return said


def logging_out() -> dict[str, Any]:
    """What the route that ends a session says about itself."""
    said = changing(204, None, {401, 403, 422, 503}, {404: "the caller is no session"}, headers=SET_COOKIE)
    said["openapi_extra"]["parameters"] = [CSRF]
    return said
