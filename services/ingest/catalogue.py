"""`GET /v1/schemas`: the JSON Schemas of events, for those who may post or read them.

With a key, like every route: who has none yet finds the same types in the OpenAPI description.
"""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends
from msgspec import Struct
from starlette.responses import Response

from libs.common.caller import Caller
from libs.common.callers import not_found, require
from libs.common.http import TracedRoute
from services.ingest import schemas
from services.ingest.openapi import answers

MEDIA = "application/schema+json"

router = APIRouter(route_class=TracedRoute)
ReaderKey = Annotated[Caller, Depends(require("events:write", "ops"))]


class Listed(Struct, frozen=True):
    """A schema and where it is."""

    name: str
    version: int
    path: str


class Catalogue(Struct, frozen=True):
    """Every schema of an event: of the types as they are posted, and of the log's records, `member-events`."""

    schemas: list[Listed]


@router.get("/v1/schemas", responses=answers({200: Catalogue}, 401, 404, 503))
async def list_schemas(_: ReaderKey) -> Response:
    """The names and versions of all schemas."""
    listed = [Listed(published.name, published.version, published.path) for published in schemas.PUBLISHED]
    return Response(msgspec.json.encode(Catalogue(listed)), media_type="application/json")


@router.get(
    "/v1/schemas/{name}/{version}",
    responses={200: {"description": "A JSON Schema", "content": {MEDIA: {}}}, **answers({}, 401, 404, 503)},
)
async def one_schema(name: str, version: str, _: ReaderKey) -> Response:
    """A JSON Schema by name and version, such as `join` and `v1`."""
    published = schemas.find(name, version)
    if published is None:
        raise not_found()
    return Response(msgspec.json.encode(published.schema()), media_type=MEDIA)
