"""What a span says of a statement: the name, verb and table of each query of the services, and never more."""

from pathlib import Path

import pytest

from libs.common.postgres import load_queries
from libs.common.traced import Statement, describe

ROOT = Path(__file__).parents[3]
FILES = [*ROOT.glob("services/*/*.sql"), *ROOT.glob("libs/common/*.sql")]
QUERIES = [
    (name, sql)
    for file in FILES
    if file.name not in ("views.sql", "rebuild.sql", "grants.sql")
    for name, sql in load_queries(file.parent, file.name).items()
]
# They call a function, and name no table.
WITHOUT = {"lock_settings", "unlock_settings", "note_key_use", "spend"}


@pytest.mark.parametrize(("name", "sql"), QUERIES, ids=[name for name, _ in QUERIES])
def test_each_query_has_its_verb_and_table(name: str, sql: str) -> None:
    found = describe(sql)
    assert found.operation in ("SELECT", "INSERT", "UPDATE", "DELETE")
    assert (found.collection is None) == (name in WITHOUT)
    assert f"-- name: {found.name}\n" in "".join(file.read_text() for file in FILES)


@pytest.mark.parametrize(
    ("sql", "verb", "table"),
    [
        ("SELECT a FROM t WHERE b = $1", "SELECT", "t"),
        ("-- FROM nowhere\nSELECT extract(epoch FROM p.at) FROM v.position p", "SELECT", "v.position"),
        ("WITH r AS (SELECT * FROM unnest($1)) SELECT * FROM r JOIN s USING (a)", "SELECT", "s"),
        ("WITH d AS (INSERT INTO one (a) VALUES ($1)) INSERT INTO two (a) SELECT 1", "INSERT", "two"),
        ("INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET a = 1", "INSERT", "t"),
        ("SELECT pg_advisory_lock($1)", "SELECT", None),
        ("BEGIN ISOLATION LEVEL REPEATABLE READ;", "BEGIN", None),
    ],
)
def test_what_a_statement_does(sql: str, verb: str, table: str | None) -> None:
    assert describe(sql) == Statement(verb, verb, table)
