"""Where a command finds what it talks to: the environment's addresses where they are given, else the stack's."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
from pydantic import ValidationError

from deploy.local import background
from deploy.local import folder as folders
from deploy.local.command_line import existing_folder
from deploy.local.ports import HOST
from deploy.local.postgres import owner_url
from deploy.local.security import Security
from libs.common.config import Settings, misfit
from libs.common.errors import QunliError, UserError
from libs.common.rights import USERS


class Refused(QunliError):
    """{door} answered {status}: {reason}"""


class NoAnswer(QunliError):
    """{door} does not answer ({reason}). `qunli status` shows what runs."""


@dataclass(frozen=True, slots=True)
class Door:
    """A service's address and a key for it."""

    name: str
    url: str
    key: str

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """One request. Refused with the service's own words, or NoAnswer."""
        try:
            answer = httpx.request(
                method,
                f"{self.url}{path}",
                json=body,
                headers={"Authorization": f"Bearer {self.key}"},
                timeout=30,
                trust_env=False,
            )
        except httpx.HTTPError as error:
            raise NoAnswer(door=self.name, reason=type(error).__name__) from error
        if not answer.is_success:
            raise Refused(door=self.name, status=answer.status_code, reason=_reason(answer))
        return answer


def _reason(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        return answer.text[:300]
    return str(problem.get("detail") or problem.get("title") or problem)


def admin_url(data: Path) -> str:
    """The address of the database for its owner. UserError where no stack keeps one."""
    if given := given_database():
        return given
    settled = folders.read_settled(existing_folder(data))
    if settled is None or "postgres" not in settled.ports:
        raise UserError("This stack has no database of its own.", "Name one with QUNLI_DATABASE_URL.")
    security = Security(existing_folder(data).security) if settled.secure else None
    return owner_url(settled.ports["postgres"], settled.owner_password, security)


def given_database() -> str | None:
    """The database that the environment names, with its CA and password. UserError if that does not fit."""
    return given_settings().database_address if os.environ.get("QUNLI_DATABASE_URL") else None


def given_settings() -> Settings:
    """The environment's settings. UserError if they do not fit."""
    try:
        return Settings()
    except ValidationError as error:
        raise UserError(misfit(error), "The README's table of settings tells more.") from error


def log_settings(data: Path) -> Settings:
    """Settings that name the stack's Kafka and time zone, or the environment's."""
    if os.environ.get("QUNLI_KAFKA_BOOTSTRAP"):
        return given_settings()
    settled = folders.read_settled(existing_folder(data))
    if settled is None or "kafka" not in settled.ports:
        raise UserError("This stack has no Kafka of its own.", "Name one with QUNLI_KAFKA_BOOTSTRAP.")
    bootstrap = f"{HOST}:{settled.ports['kafka']}"
    if settled.secure:
        safe = Security(existing_folder(data).security).settings(bootstrap, USERS["operator"].name)
        return safe.model_copy(update={"timezone": settled.timezone})
    return Settings(kafka_bootstrap=bootstrap, timezone=settled.timezone)


def ingest(data: Path) -> Door:
    """The door of events: QUNLI_INGEST with QUNLI_KEY, or the stack that runs on `data`. UserError if neither is."""
    return _door(data, "ingest")


def gateway(data: Path) -> Door:
    """The door of commands: QUNLI_GATEWAY with QUNLI_KEY, or the stack's. UserError."""
    return _door(data, "gateway")


def _door(data: Path, name: Literal["ingest", "gateway"]) -> Door:
    if url := os.environ.get(f"QUNLI_{name.upper()}"):
        if not (key := os.environ.get("QUNLI_KEY", "")):
            raise UserError(f"There is no key for {url}.", "Set QUNLI_KEY to one.")
        return Door(name, url.rstrip("/"), key)
    folder = existing_folder(data)
    settled = folders.read_settled(folder)
    if settled is None or not settled.server_key or folders.holder(folder) is None:
        raise UserError(f"Nothing runs on {folder.root}.", "Start it with `qunli up`.")
    doors = background.reachable(settled)
    return Door(name, getattr(doors, name), doors.server_key)
