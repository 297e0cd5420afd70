"""What docker-compose.yml takes from outside and git must not hold: passwords in files, the rest in .env.

Made once and kept: each part only if it is not there yet, so that making them again changes nothing.
"""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local import folder as folders
from deploy.local.ports import HOST
from libs.common.bootstrap_keys import SETTING as KEYS
from libs.common.bootstrap_keys import make_bootstrap_key
from libs.common.caller import ALL_STORES, SCOPES
from libs.common.config import Settings
from libs.common.errors import UserError

COMPOSE_FILE = "docker-compose.yml"
SECRETS = ".qunli-compose"
PASSWORDS = (
    "owner-password",
    "ingest-password",
    "engagement-password",
    "segmentation-password",
    "gateway-password",
    "session-secret",
    "grafana-password",
)
PORTS: Mapping[str, int] = {
    "QUNLI_INGEST_PORT": 8080,
    "QUNLI_GATEWAY_PORT": 8081,
    "QUNLI_POSTGRES_PORT": 5432,
    "QUNLI_GRAFANA_PORT": 3000,
    "QUNLI_PROMETHEUS_PORT": 9090,
    "QUNLI_JAEGER_PORT": 16686,
}
_LINE = re.compile(r"^([A-Z_]+)=(?:'([^'\n]*)'|(\S*))$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A checkout whose docker-compose.yml is used."""

    root: Path

    @property
    def env_file(self) -> Path:
        return self.root / ".env"

    @property
    def secrets(self) -> Path:
        return self.root / SECRETS


def prepare(root: Path) -> dict[str, str]:
    """Make what is missing; what shell commands on this machine need then, by name. UserError outside a checkout."""
    deployment = Deployment(root.absolute())
    if not (root / COMPOSE_FILE).exists():
        raise UserError(f"There is no {COMPOSE_FILE} in {deployment.root}.", "Name the checkout with --into.")
    _make_passwords(deployment)
    return _shell(deployment, _make_env(deployment))


def _make_passwords(deployment: Deployment) -> None:
    """A file each, which the containers' users may read, below a folder that is closed to others here."""
    deployment.secrets.mkdir(mode=0o700, exist_ok=True)
    deployment.secrets.chmod(0o700)
    for name in PASSWORDS:
        path = deployment.secrets / name
        if not path.exists():
            _write(path, secrets.token_urlsafe(32), 0o444)


def _make_env(deployment: Deployment) -> dict[str, str]:
    """What stands in .env, with what was missing there."""
    text = deployment.env_file.read_text(encoding="utf-8") if deployment.env_file.exists() else ""
    found = {name: quoted or plain for name, quoted, plain in _LINE.findall(text)}
    missing = {name: value for name, value in _fresh(found).items() if name not in found}
    if missing:
        head = text or "# Made by `qunli compose-env`, read by docker compose. Keep it, and keep it from others.\n"
        lines = [f"{name}='{value}'\n" for name, value in missing.items()]
        _write(deployment.env_file, "".join([head, "" if head.endswith("\n") else "\n", *lines]), 0o600)
    return found | missing


def _fresh(found: Mapping[str, str]) -> dict[str, str]:
    fresh = {"QUNLI_KAFKA_CLUSTER_ID": folders.new_cluster_id()}
    if not {KEYS, "QUNLI_KEY"} <= set(found):
        # One of the two is of no use without the other.
        if {KEYS, "QUNLI_KEY"} & set(found):
            what = f".env has only one of {KEYS} and QUNLI_KEY."
            raise UserError(what, "Take it out there, and both are made.")
        key, entry = make_bootstrap_key(SCOPES, [ALL_STORES])
        fresh |= {KEYS: f"[{entry}]", "QUNLI_KEY": key}
    zone = os.environ.get("QUNLI_TIMEZONE") or str(Settings.model_fields["timezone"].default)
    return {**fresh, "QUNLI_TIMEZONE": zone}


def _shell(deployment: Deployment, env: Mapping[str, str]) -> dict[str, str]:
    ports = {name: os.environ.get(name) or env.get(name) or str(port) for name, port in PORTS.items()}
    return {
        "QUNLI_INGEST": f"http://{HOST}:{ports['QUNLI_INGEST_PORT']}",
        "QUNLI_GATEWAY": f"http://{HOST}:{ports['QUNLI_GATEWAY_PORT']}",
        "QUNLI_KEY": env["QUNLI_KEY"],
        "QUNLI_DATABASE_URL": f"postgresql://qunli@{HOST}:{ports['QUNLI_POSTGRES_PORT']}/qunli",
        "QUNLI_DATABASE_PASSWORD_FILE": str(deployment.secrets / "owner-password"),
        "QUNLI_TIMEZONE": env["QUNLI_TIMEZONE"],
    }


def _write(path: Path, text: str, mode: int) -> None:
    """Complete or not there at all, whatever happens in between."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.chmod(mode)
    new.replace(path)
