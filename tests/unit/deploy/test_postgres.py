"""Addresses of databases and roles."""

from deploy.local.postgres import SETTINGS, with_database, with_role

URL = "postgresql://owner:secret@127.0.0.1:20003/qunli?sslmode=disable"


def test_another_role_keeps_everything_but_the_credentials() -> None:
    assert with_role(URL, "qunli_ingest", "p@ss/word") == (
        "postgresql://qunli_ingest:p%40ss%2Fword@127.0.0.1:20003/qunli?sslmode=disable"
    )


def test_another_database_keeps_everything_but_the_name() -> None:
    assert with_database(URL, "other") == "postgresql://owner:secret@127.0.0.1:20003/other?sslmode=disable"


def test_it_listens_on_this_machine_alone_and_commits_for_good() -> None:
    assert (SETTINGS["listen_addresses"], SETTINGS["unix_socket_directories"]) == ("127.0.0.1", "")
    assert SETTINGS["synchronous_commit"] == "on"
    assert "fsync" not in SETTINGS
