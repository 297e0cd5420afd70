"""The HTTP app of ingest."""

from importlib.metadata import version

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from libs.common import http
from services.ingest import catalogue, openapi, posting, steering
from services.ingest.door import Door


def make_app(door: Door) -> FastAPI:
    """Every route of the door, with errors as problems and OpenAPI at /openapi.json."""
    app = FastAPI(
        title="Qunli ingest",
        version=version("qunli"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # spans are ours, see libs.common.telemetry: FastAPI's would record paths and query strings
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.door = door
    app.state.callers = door.callers
    http.install(app)
    app.include_router(_events())
    app.include_router(steering.router)
    app.include_router(catalogue.router)
    openapi.describe(app)
    return app


async def _post_events(request: Request) -> Response:
    # Reached only without the dispatcher in front of the app (services/ingest/hot.py).
    return await posting.post_events(request.app.state.door, dict(request.scope["headers"]), request.body)


def _events() -> APIRouter:
    router = APIRouter(route_class=http.TracedRoute)
    kinds = dict.fromkeys((202, 207, 422, 503), posting.Answer)
    router.add_api_route(
        posting.EVENTS,
        _post_events,
        methods=["POST"],
        status_code=202,
        response_model=None,
        summary="Post events",
        description="One event, an array, NDJSON, or CloudEvents 1.0, plain or as gzip. Each event gets a verdict, in "
        "order: accepted (the log has it), rejected (do not send it again) or unknown (send it again with the same id: "
        "it counts once).",
        responses=openapi.answers(kinds, 400, 401, 404, 408, 413, 415, 429),
        openapi_extra=openapi.events_body(),
    )
    return router
