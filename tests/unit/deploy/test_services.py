"""The environment that a service of the stack is started with."""

from pathlib import Path

import pytest

from deploy.local.services import INGEST, Surroundings, service_env

AROUND = Surroundings("127.0.0.1:9092", "", "Asia/Shanghai")
PORTS = {"ops": 1, "door": 2}


def test_files_for_kafka_are_where_the_command_was_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A service runs in another folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUNLI_KAFKA_CA_FILE", "ca.crt")
    env = service_env(INGEST, AROUND, "postgresql://db/qunli", PORTS)
    assert env["QUNLI_KAFKA_CA_FILE"] == str(tmp_path / "ca.crt")
    assert env["QUNLI_KAFKA_KEY_FILE"] == ""


def test_the_owners_password_is_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that it is given has its own role's."""
    monkeypatch.setenv("QUNLI_DATABASE_PASSWORD_FILE", "/secrets/owner")
    assert service_env(INGEST, AROUND, "postgresql://db/qunli", PORTS)["QUNLI_DATABASE_PASSWORD_FILE"] == ""
