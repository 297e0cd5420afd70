"""Every named query is one that Postgres can prepare, with the rights of the service that asks it."""

from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from libs.common.arrays import any_texts, flags, floats, numbers, octets, texts
from libs.common.postgres import load_queries

ROOT = Path(__file__).parents[2]
OWNERS = {
    "libs/common": ("queries.sql restored.sql", "qunli_engagement", "engagement"),
    "services/engagement": ("queries.sql", "qunli_engagement", "engagement"),
    "services/segmentation": ("queries.sql", "qunli_segmentation", "segmentation"),
    "services/ingest": ("queries.sql", "qunli_ingest", "public"),
    "services/gateway": ("queries.sql matrix.sql", "qunli_gateway", "public"),
}


@pytest.mark.parametrize("folder", OWNERS)
async def test_every_query_prepares(
    folder: str, fresh_database: Callable[[], str], role_url: Callable[[str, str], str]
) -> None:
    file, role, schema = OWNERS[folder]
    connection = await asyncpg.connect(role_url(fresh_database(), role), server_settings={"search_path": schema})
    try:
        for named in file.split():
            queries = load_queries(ROOT / folder, named)
            assert queries
            for name, text in queries.items():
                assert await connection.prepare(text), name
    finally:
        await connection.close()


async def test_a_service_reads_nothing_but_its_own(
    fresh_database: Callable[[], str], role_url: Callable[[str, str], str]
) -> None:
    connection = await asyncpg.connect(role_url(fresh_database(), "qunli_gateway"))
    try:
        for table in ("engagement.membership", "engagement.stream_offset", "auth.yoyo_lock"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"SELECT 1 FROM {table}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("UPDATE auth.server_key SET revoked_at = NULL")
    finally:
        await connection.close()


async def test_literals_come_back_as_they_were(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        words = ["a", None, 'q"uo\\te', "茶", "{}", "NULL", ""]
        assert await connection.fetchval("SELECT $1::text::text[]", texts(words)) == words
        odd = ["a\nb\tc", None, "\\n", "\x7f"]
        assert await connection.fetchval("SELECT $1::text::text[]", any_texts(odd)) == odd
        assert await connection.fetchval("SELECT $1::text::int[]", numbers([1, None])) == [1, None]
        ends = [0.1, float("-inf")]
        assert await connection.fetchval("SELECT $1::text::float8[]", floats(ends)) == ends
        assert await connection.fetchval("SELECT $1::text::bool[]", flags([True, False])) == [True, False]
        some = [b"\x00\xff", None, b""]
        assert await connection.fetchval("SELECT $1::text::bytea[]", octets(some)) == some
    finally:
        await connection.close()
