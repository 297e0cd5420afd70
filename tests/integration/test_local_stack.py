"""The stack on one machine, for real: it starts, survives what it should, and leaves nothing behind."""

from collections.abc import Callable

import psycopg


def test_a_fresh_database_is_migrated_and_open_to_its_services(
    fresh_database: Callable[[], str], role_url: Callable[[str, str], str]
) -> None:
    url = fresh_database()
    with psycopg.connect(role_url(url, "qunli_engagement")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("qunli_engagement",)


def test_fresh_logs_do_not_share_topics(fresh_log: Callable[..., str]) -> None:
    assert fresh_log(3) != fresh_log(3)
