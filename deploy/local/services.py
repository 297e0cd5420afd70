"""Qunli's services as child processes: each with its own environment, role and ports."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import httpx

from deploy.local.child import Child, Command
from deploy.local.ports import HOST


@dataclass(frozen=True, slots=True)
class Service:
    """A service. `port_setting` and `port`: of its door, and the port it likes best; "" and 0: it has none."""

    name: str
    port_setting: str = ""
    port: int = 0

    @property
    def module(self) -> str:
        return f"services.{self.name}"

    @property
    def role(self) -> str:
        return f"qunli_{self.name}"

    @property
    def exists(self) -> bool:
        return find_spec(f"{self.module}.__main__") is not None


INGEST = Service("ingest", "QUNLI_INGEST_PORT", 8080)
ENGAGEMENT = Service("engagement")
SEGMENTATION = Service("segmentation")
GATEWAY = Service("gateway", "QUNLI_GATEWAY_PORT", 8081)
# In the order of their start: who is asked for something comes after who answers it.
SERVICES = (ENGAGEMENT, SEGMENTATION, INGEST, GATEWAY)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every service of a stack is told."""

    kafka_bootstrap: str
    topic_prefix: str
    timezone: str
    token_issuers: str = ""
    session_secrets: str = ""


def service_env(service: Service, around: Surroundings, database_url: str, ports: Mapping[str, int]) -> dict[str, str]:
    """The settings of one process: this environment's, and over them the stack's own but for issuer and secrets."""
    env = dict(os.environ) | {
        **_kafka_files(),
        "QUNLI_SESSION_SECRETS_FILE": _session_secrets(around),
        "QUNLI_TOKEN_ISSUERS": _absolute(os.environ.get("QUNLI_TOKEN_ISSUERS", around.token_issuers)),
        "QUNLI_KAFKA_BOOTSTRAP": around.kafka_bootstrap,
        "QUNLI_TOPIC_PREFIX": around.topic_prefix,
        "QUNLI_DATABASE_URL": database_url,
        # The database's address says it all, for the service's own role.
        "QUNLI_DATABASE_CA_FILE": "",
        "QUNLI_DATABASE_PASSWORD_FILE": "",
        "QUNLI_TIMEZONE": around.timezone,
        "QUNLI_OPS_PORT": str(ports["ops"]),
        "PYTHONUNBUFFERED": "1",
    }
    if service.port_setting:
        env[service.port_setting] = str(ports["door"])
    return env


def _kafka_files() -> dict[str, str]:
    """The environment's files for Kafka, by paths that hold in any folder."""
    names = ("CA_FILE", "CERTIFICATE_FILE", "KEY_FILE", "SASL_PASSWORD_FILE")
    return {name: _absolute(os.environ.get(name, "")) for name in (f"QUNLI_KAFKA_{part}" for part in names)}


def _session_secrets(around: Surroundings) -> str:
    """The path of the environment's secrets, else of the stack's own; "" where they are given themselves."""
    own = "" if os.environ.get("QUNLI_SESSION_SECRETS") else around.session_secrets
    return _absolute(os.environ.get("QUNLI_SESSION_SECRETS_FILE", own))


def _absolute(path: str) -> str:
    """A path as it is meant here: a service runs in another folder."""
    return str(Path(path).expanduser().absolute()) if path else ""


def child(name: str, module: str, env: Mapping[str, str], cwd: Path, log: Path) -> Child:
    """A service's process, not started yet, with this whole environment. Ready = its /health/ready says so."""
    ops_port = int(env["QUNLI_OPS_PORT"])
    command = Command(
        name=name,
        argv=(sys.executable, "-P", "-m", module),
        env=env,
        cwd=cwd,
        log=log,
        is_ready=lambda: is_ready(ops_port),
    )
    return Child(command)


def door_url(service: Service, child: Child) -> str:
    """Where the door of a service's process is."""
    return f"http://{HOST}:{child.command.env[service.port_setting]}"


def is_ready(ops_port: int) -> bool:
    """Whether the process behind this ops port says that it can serve."""
    try:
        return httpx.get(f"http://{HOST}:{ops_port}/health/ready", timeout=2.0, trust_env=False).is_success
    except httpx.HTTPError:
        return False
