"""The gateway as an ASGI app: its routes, its errors as problems, its description at /openapi.json."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from libs.common import http
from libs.common.keyring import KeyRing
from services.gateway import history_routes, member_routes, openapi, ops_routes, store_routes
from services.gateway.gateway import Gateway
from services.gateway.pages import BadCursor

VERSION = "1"
DESCRIPTION = """Reads of members and stores. Every answer names, in X-Qunli-As-Of, the position on the log that it
stands for; lists are paged by `cursor`, and come as CSV with `Accept: text/csv`. Today is the store day, never a
clock's. What a caller may not see looks like what is not there."""


def make_app(gateway: Gateway, keys: KeyRing) -> FastAPI:
    """The app; it is served behind `libs.common.http.doorway`."""
    app = FastAPI(
        title="Qunli gateway",
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.gateway, app.state.keys = gateway, keys
    http.install(app)
    app.add_exception_handler(BadCursor, _bad_cursor)
    for routes in (ops_routes, member_routes, store_routes, history_routes):
        app.include_router(routes.router)

    def describe() -> Mapping[str, Any]:
        return openapi.describe(app)

    app.openapi = describe  # type: ignore[method-assign,assignment]
    return app


async def _bad_cursor(_: Request, error: Exception) -> Response:
    return http.problem_response("bad_cursor", str(error))
