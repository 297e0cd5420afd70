"""The local stack's part in managers' sessions: the secret that signs them, and links into the console."""

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from deploy.local.folder import Folder
from libs.common.caller import ALL_STORES, SESSION_SCOPES
from libs.common.errors import QunliError

MANAGER = "local manager"


class NoLink(QunliError):
    """The gateway gave no login link: {reason}"""


@dataclass(frozen=True, slots=True)
class Link:
    """A login link: `url` works once, until `expires_at` (RFC 3339)."""

    url: str
    expires_at: str


def prepare(folder: Folder) -> Path:
    """Make the secret if there is none yet, readable by the owner alone; its path."""
    path = folder.session_secrets
    if not path.exists():
        new = path.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(f"{secrets.token_urlsafe(32)}\n")
        new.replace(path)
    return path


def make_link(gateway: str, key: str, stores: Sequence[str] = (ALL_STORES,), name: str = MANAGER) -> Link:
    """A link into the console of the gateway at this address, for one use. NoLink."""
    body = {"name": name, "stores": list(stores), "scopes": list(SESSION_SCOPES)}
    headers = {"Authorization": f"Bearer {key}"}
    try:
        answer = httpx.post(f"{gateway}/v1/console/logins", json=body, headers=headers, timeout=30, trust_env=False)
    except httpx.HTTPError as error:
        raise NoLink(reason=f"it does not answer ({type(error).__name__})") from error
    if not answer.is_success:
        raise NoLink(reason=_reason(answer))
    made = answer.json()
    return Link(f"{gateway}{made['url']}", made["expires_at"])


def _reason(answer: httpx.Response) -> str:
    if answer.status_code == 404:
        return "the key needs the scopes console:login, " + ", ".join(SESSION_SCOPES) + ", and those stores"
    return f"status {answer.status_code}: {answer.text[:200]}"
