"""The gateway as an ASGI app: its routes, its errors as problems, its description at /openapi.json."""

from importlib.metadata import version

from fastapi import FastAPI, Request
from starlette.responses import Response

from libs.common import http
from services.gateway import (
    command_routes,
    console_routes,
    group_routes,
    history_routes,
    list_routes,
    live_routes,
    matrix_routes,
    member_routes,
    openapi,
    ops_routes,
    plan_routes,
    store_routes,
)
from services.gateway.asset_routes import console_files
from services.gateway.assets import load_console
from services.gateway.gateway import Gateway
from services.gateway.pages import BadCursor

DESCRIPTION = """Reads of members, stores and groups, a stream of what changes, and commands. Every answer to a read
names, in X-Qunli-As-Of, the position on the log that it stands for; lists are paged by `cursor`, and come as CSV with
`Accept: text/csv`. Today is the store day, never a clock's. A command is answered once the log has it; its `Location`
tells what becomes of it. What a caller may not see looks like what is not there."""
READS = (
    ops_routes,
    member_routes,
    store_routes,
    history_routes,
    matrix_routes,
    list_routes,
    group_routes,
    plan_routes,
)


def make_app(gateway: Gateway) -> FastAPI:
    """Every route of the gateway, with errors as problems and OpenAPI at /openapi.json."""
    app = FastAPI(
        title="Qunli gateway",
        version=version("qunli"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # spans are ours, see libs.common.telemetry: FastAPI's would record paths and query strings
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.gateway, app.state.callers = gateway, gateway.callers
    http.install(app)
    app.add_exception_handler(BadCursor, _bad_cursor)
    for routes in READS:
        app.include_router(routes.router)
    app.include_router(command_routes.router)
    app.router.routes.extend(console_files(load_console()))
    app.include_router(console_routes.router)
    app.include_router(live_routes.router)
    openapi.describe(app)
    return app


async def _bad_cursor(_: Request, error: Exception) -> Response:
    return http.problem_response("bad_cursor", str(error))
