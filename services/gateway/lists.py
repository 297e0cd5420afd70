"""Lists of segmentation's rows: a query, its sort key, and what a row is shown as."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
from fastapi import Request
from starlette.responses import Response

from libs.common.callers import not_found
from services.gateway.answers import listing
from services.gateway.gateway import Gateway
from services.gateway.pages import ListKey, Part, read_list_cursor, write_cursor
from services.gateway.params import PageParams
from services.gateway.shapes import Shape
from services.gateway.snapshot import QUERIES, Snapshot


@dataclass(frozen=True, slots=True)
class List:
    """`query` takes store, `scope`, the parts of the key of the last row seen, the number of rows, and filters.

    `key`: the columns that rows are sorted by; `first`: the key before the first row.
    """

    query: str
    key: tuple[str, ...]
    first: tuple[Part, ...]
    item: Callable[[asyncpg.Record], Shape]
    shape: type[Shape]
    page: Callable[..., Shape]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list that was read."""

    items: list[Any]
    cursor: str | None


async def read_page(
    snapshot: Snapshot, of: List, params: PageParams, store_id: str, *scope: object, filters: tuple[object, ...] = ()
) -> Page:
    """A page of a list of a store. BadCursor."""
    after = of.first if params.cursor is None else read_list_cursor(params.cursor, of.query, of.first)
    rows = await snapshot.conn.fetch(QUERIES[of.query], store_id, *scope, *after, params.limit + 1, *filters)
    shown = rows[: params.limit]
    cursor = None
    if len(rows) > params.limit:
        cursor = write_cursor(ListKey(of.query, tuple(shown[-1][column] for column in of.key)))
    return Page([of.item(row) for row in shown], cursor)


async def answer_list(
    request: Request,
    gateway: Gateway,
    of: List,
    params: PageParams,
    store_id: str,
    filters: tuple[object, ...] = (),
) -> Response:
    """A page of a list of a store. Problem not_found if there is no such store."""
    async with gateway.snapshot(request) as snapshot:
        await must_be_known(snapshot, store_id)
        page = await read_page(snapshot, of, params, store_id, filters=filters)
    return answer_page(request, of, page, snapshot)


def answer_page(request: Request, of: List, page: Page, snapshot: Snapshot) -> Response:
    """A page that was read, as an answer of its own."""
    content = of.page(items=page.items, next_cursor=page.cursor)
    return listing(request, content, page.items, of.shape, page.cursor, snapshot.feed)


async def must_be_known(snapshot: Snapshot, store_id: str) -> None:
    """Problem not_found for a store that has had neither a member nor a command."""
    if not await snapshot.conn.fetchval(QUERIES["store_is_known"], store_id):
        raise not_found()
