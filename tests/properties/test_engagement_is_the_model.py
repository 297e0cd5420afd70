"""Engagement's tables and messages are the slow model's, however the log is cut, restarted or delivered again."""

from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.common.postgres import Connection
from tests import model_check
from tests.conftest import EXAMPLES
from tests.model import reference
from tests.model.logs import Log, logs
from tests.properties import drive
from tests.properties.drive import Cut

cuts = st.builds(
    Cut,
    records=st.sampled_from([1, 1, 2, 3, 7, 1000]),
    restart=st.sampled_from([False, False, False, True]),
    zombie=st.sampled_from([False, False, True]),
    unknown=st.sampled_from([False, False, False, True]),
    slices=st.sampled_from([True, True, False]),
)


@pytest.fixture(scope="module")
async def connection(properties_database: str) -> Any:
    connection = await asyncpg.connect(properties_database, server_settings={"search_path": "engagement"})
    yield connection
    await connection.close()


def cycle(some: list[Cut]) -> Iterator[Cut]:
    # However it is drawn, a run must end: a step that takes nothing and slices nothing would not.
    while True:
        yield from some


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@given(log=logs(), some=st.lists(cuts, min_size=1, max_size=12), slices=st.sampled_from([1, 2, 1000]))
@settings(
    max_examples=EXAMPLES or 60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
async def test_any_cut_gives_the_models_rows(connection: Connection, log: Log, some: list[Cut], slices: int) -> None:
    expected = reference.run(log.records, log.timezone)
    await drive.run(connection, log.records, log.timezone, cycle(some), slices)
    model_check.same(await drive.found(connection), expected)
