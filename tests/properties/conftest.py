"""A database of their own for the property tests: one for all examples, emptied by each."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from deploy.local.folder import ROLES
from deploy.local.postgres import with_database
from libs.common.migrate import migrate


@pytest.fixture(scope="session")
def properties_database(postgres_url: str) -> Iterator[str]:
    """A migrated database; gives its owner's URL."""
    name = "properties"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = with_database(postgres_url, name)
    migrate(url, dict.fromkeys(ROLES, "for-this-test-run"))
    yield url
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
