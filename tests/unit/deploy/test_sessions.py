"""The local stack's secret for sessions: made once, for its owner's eyes, and known to its services."""

from pathlib import Path

import pytest

from deploy.local import sessions
from deploy.local.folder import folder_at
from deploy.local.services import GATEWAY, Surroundings, service_env
from libs.common.config import Settings
from libs.common.manager_sessions import load_secrets


def test_the_secret_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = sessions.prepare(folder_at(tmp_path))
    made = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert sessions.prepare(folder_at(tmp_path)).read_text() == made
    assert load_secrets(Settings(session_secrets_file=str(path))) == (made.strip(),)


@pytest.mark.parametrize(
    ("given", "file"),
    [
        ({}, "/data/session-secrets"),
        ({"QUNLI_SESSION_SECRETS": "mine"}, ""),
        ({"QUNLI_SESSION_SECRETS_FILE": "/mine"}, "/mine"),
        ({"QUNLI_SESSION_SECRETS": "mine", "QUNLI_SESSION_SECRETS_FILE": "/mine"}, "/mine"),
    ],
)
def test_a_secret_of_the_environment_goes_before_the_stacks_own(
    given: dict[str, str], file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("QUNLI_SESSION_SECRETS", "QUNLI_SESSION_SECRETS_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    around = Surroundings("kafka:1", "", "UTC", session_secrets="/data/session-secrets")
    assert service_env(GATEWAY, around, "postgresql://x", {"ops": 1, "door": 2})["QUNLI_SESSION_SECRETS_FILE"] == file
