"""Worlds to break: on the test run's Kafka and Postgres, where only services are hurt, or on a pair of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.folder import ROLES
from deploy.local.stack import Stack
from libs.common.caller import ALL_STORES
from libs.common.keys import create_key
from libs.common.migrate import migrate
from tests.faults.world import PASSWORD, World

SCOPES = ("events:write", "days:close", "ops")


@pytest.fixture
def world(
    kafka_bootstrap: str, fresh_database: Callable[[], str], fresh_log: Callable[[], str], tmp_path: Path
) -> Iterator[World]:
    """A log and a database of the test's own, nothing running yet."""
    url = fresh_database()
    made = World(kafka_bootstrap, url, fresh_log(), tmp_path, create_key(url, "test", SCOPES, [ALL_STORES]))
    yield made
    made.stop()


@pytest.fixture
def frail(a_stack: Callable[[], Stack], tmp_path: Path) -> Iterator[tuple[World, Stack]]:
    """The same on a Kafka and a Postgres of its own, to be broken."""
    stack = a_stack()
    url = stack.urls.database
    migrate(url, dict.fromkeys(ROLES, PASSWORD))
    made = World(stack.urls.kafka, url, "", tmp_path, create_key(url, "test", SCOPES, [ALL_STORES]))
    yield made, stack
    made.stop()
