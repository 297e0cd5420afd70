"""Each service from the image, as docker-compose.yml has it: user, root, mounts, health check, grace. And it works."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from dotenv import dotenv_values
from psycopg import sql

from deploy.local import compose as deployment
from deploy.local import ports, topics
from libs.common.clock import monotonic, now_ms
from tests.conftest import PASSWORD
from tests.integration import compose
from tests.integration.container import Container, Mounts, run
from tests.integration.dockerfile import Image

# Half a minute for the image, on a machine that does nothing else.
pytestmark = pytest.mark.timeout(600)
SERVICES = ("engagement", "segmentation", "ingest", "gateway")
PREFIX = "from-the-image."
DATABASE = "from_the_image"


@dataclass(frozen=True)
class World:
    """A deployment as docker-compose.yml has it, but for addresses: all share this machine's."""

    image: Image
    services: Mapping[str, Any]
    secrets: Mapping[str, Path]
    elsewhere: Mapping[str, str]
    doors: Mapping[str, int]

    def env(self, name: str) -> dict[str, str]:
        """A service's environment, with the addresses that hold here."""
        given = self.services[name]["environment"]
        role = urlsplit(given.get("QUNLI_DATABASE_URL", "")).username
        here = {
            "QUNLI_DATABASE_URL": f"postgresql://{role}@{self.elsewhere['postgres']}/{DATABASE}",
            "QUNLI_KAFKA_BOOTSTRAP": self.elsewhere["kafka"],
            "QUNLI_INGEST": self.door("ingest"),
            "QUNLI_GATEWAY": self.door("gateway"),
        }
        here |= {f"QUNLI_{name.upper()}_PORT": str(port) for name, port in self.doors.items()}
        return {**given, **{name: value for name, value in here.items() if name in given}, "QUNLI_TOPIC_PREFIX": PREFIX}

    def door(self, name: str) -> str:
        """A door's address."""
        return f"http://127.0.0.1:{self.doors[name]}"

    def mounts(self, name: str) -> Mounts:
        """What the file mounts into a service, and nothing else."""
        service = self.services[name]
        assert not service.get("volumes")
        secrets = {f"/run/secrets/{Path(each['target']).name}": self.secrets[each["source"]]
                   for each in service.get("secrets", [])}  # fmt: skip
        return Mounts(secrets, service.get("tmpfs", []))


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An empty database and no topics yet: the migration job is to make them."""
    if request.config.getoption("--secure", default=False):
        pytest.skip("in a secure run: docker-compose.yml's Kafka asks nobody who he is")
    image: Image = request.getfixturevalue("image")
    kafka_bootstrap: str = request.getfixturevalue("kafka_bootstrap")
    postgres_url: str = request.getfixturevalue("postgres_url")
    checkout = tmp_path_factory.mktemp("checkout")
    (checkout / deployment.COMPOSE_FILE).write_text(compose.FILE.read_text(encoding="utf-8"))
    deployment.prepare(checkout)
    env = {name: value or "" for name, value in dotenv_values(checkout / ".env").items()}
    model = compose.model(env, tmp_path_factory.mktemp("model"))
    secrets = {name: checkout / deployment.SECRETS / Path(each["file"]).name for name, each in model["secrets"].items()}
    owner = urlsplit(postgres_url)
    for name, path in secrets.items():
        if name.endswith("password"):  # the roles are those of all this run's tests
            path.chmod(0o600)
            path.write_text(str(owner.password) if name == "owner-password" else PASSWORD)
            path.chmod(0o444)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    doors = {name: ports.free_port([], set()) for name in ("ingest", "gateway")}
    elsewhere = {"postgres": f"{owner.hostname}:{owner.port}", "kafka": kafka_bootstrap}
    yield World(image, model["services"], secrets, elsewhere, doors)
    topics.delete(kafka_bootstrap, PREFIX)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(DATABASE)))


@pytest.fixture(scope="module")
def migrated(world: World) -> World:
    """Once the migration job has run, as `docker compose up` lets it run before the services."""
    done = job(world, "migrate")
    assert done == "Roles, schemas and views are up to date.\nThe topics are there.\n"
    return world


@pytest.fixture(scope="module")
def running(migrated: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Container]]:
    """All four services, each in its container, once all are healthy."""
    logs = tmp_path_factory.mktemp("logs")
    with ExitStack() as held:
        ops = {name: ports.free_port([], set(migrated.doors.values())) for name in SERVICES}
        containers = {}
        for name in SERVICES:
            assert migrated.services[name]["read_only"]
            assert "user" not in migrated.services[name]  # the image's
            env = migrated.env(name) | {"QUNLI_OPS_PORT": str(ops[name])}
            containers[name] = Container(
                migrated.image, migrated.services[name]["command"], env, logs / name, migrated.mounts(name)
            )
            held.callback(containers[name].kill)
        for name in SERVICES:
            await_healthy(migrated, name, ops[name], containers[name], logs / name)
        yield containers


def job(world: World, name: str, *command: str) -> str:
    """What a container that ends by itself has printed."""
    service = world.services[name]
    done = run(world.image, command or service["command"], world.env(name), world.mounts(name))
    assert done.returncode == 0, done.stderr
    return done.stdout


def await_healthy(world: World, name: str, ops: int, container: Container, log: Path) -> None:
    """Ask as Docker does: every start_interval until one says yes, for as long as start_period at most."""
    check = world.services[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    deadline = monotonic() + compose.seconds(check["start_period"])
    while True:
        asked = run(
            world.image, check["test"][1:], {"QUNLI_OPS_PORT": str(ops)}, seconds=compose.seconds(check["timeout"])
        )
        if asked.returncode == 0:
            return
        assert container.process.poll() is None, log.read_text()
        assert monotonic() < deadline, asked.stdout + log.read_text()
        Event().wait(compose.seconds(check["start_interval"]))


def test_the_migration_may_run_again_and_services_may_wait_for_it(migrated: World) -> None:
    assert "up to date" in job(migrated, "migrate")
    for name in SERVICES:
        assert "has what is needed" in job(migrated, name, "qunli", "wait", "--seconds", "0")


def test_each_runs_as_nobody_and_without_privileges(running: dict[str, Container], migrated: World) -> None:
    for container in running.values():
        ids = container.ids()
        assert set(ids["CapEff"]) | set(ids["CapPrm"]) == {"0000000000000000"}
        assert ids["NoNewPrivs"] == ["1"]
        uid = Path(f"/proc/{container.pid}/uid_map").read_text().split()
        assert ids["Uid"][0] == "10001" or uid[0] == "10001"  # an unprivileged tester is 10001 inside alone
        mounts = Path(f"/proc/{container.pid}/mounts").read_text().splitlines()
        at = {line.split()[1]: line.split()[3].split(",")[0] for line in mounts}
        assert at["/"] == "ro"
        assert {place for place, how in at.items() if how == "rw" and not place.startswith(("/dev", "/proc"))} == set()


def test_an_event_comes_through(running: dict[str, Container], migrated: World) -> None:
    key = {"Authorization": f"Bearer {_key(migrated)}"}
    event = {
        "id": "e-1", "type": "check_in", "store_id": "sh-1", "member_id": "m-1",
        "occurred_at": datetime.fromtimestamp(now_ms() / 1000, UTC).isoformat(), "data": {"method": "qr"},
    }  # fmt: skip
    posted = httpx.post(f"{migrated.door('ingest')}/v1/events", json=event, headers=key, trust_env=False)
    assert posted.status_code == 202, posted.text
    after = {"X-Qunli-After": posted.headers["X-Qunli-Position"]}
    url = f"{migrated.door('gateway')}/v1/members/m-1"
    read = httpx.get(url, headers=key | after, timeout=30, trust_env=False)
    assert read.status_code == 200, read.text
    assert [each["store_id"] for each in read.json()["memberships"]] == ["sh-1"]
    page = httpx.get(f"{migrated.door('gateway')}/console", follow_redirects=True, trust_env=False)
    assert page.status_code == 200


@pytest.mark.parametrize("days", [2, pytest.param(60, marks=pytest.mark.slow)])
def test_the_demo_runs_against_it(days: int, running: dict[str, Container], migrated: World, tmp_path: Path) -> None:
    shell = {
        "QUNLI_INGEST": migrated.door("ingest"),
        "QUNLI_GATEWAY": migrated.door("gateway"),
        "QUNLI_KEY": _key(migrated),
        "QUNLI_DATABASE_URL": f"postgresql://qunli@{migrated.elsewhere['postgres']}/{DATABASE}",
        "QUNLI_DATABASE_PASSWORD_FILE": str(migrated.secrets["owner-password"]),
        "QUNLI_TIMEZONE": migrated.services["ingest"]["environment"]["QUNLI_TIMEZONE"],
    }
    command = [
        sys.executable,
        "-m",
        "deploy.local.cli",
        "demo",
        "--elsewhere",
        "--days",
        str(days),
        "--data",
        str(tmp_path),
    ]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | shell, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Posted [\d,]+ events", done.stdout)
    assert "compose-env" in done.stdout
    assert f"{shell['QUNLI_GATEWAY']}/console#login=" in done.stdout


def test_ingest_of_several_processes_is_one_container(migrated: World, tmp_path: Path) -> None:
    ops, door = ports.free_port([], set()), ports.free_port([], set())
    own = {"QUNLI_INGEST_PROCESSES": "2", "QUNLI_OPS_PORT": str(ops), "QUNLI_INGEST_PORT": str(door)}
    service = migrated.services["ingest"]
    container = Container(
        migrated.image, service["command"], migrated.env("ingest") | own, tmp_path / "log", migrated.mounts("ingest")
    )
    try:
        await_healthy(migrated, "ingest", ops, container, tmp_path / "log")
        assert container.stop(compose.seconds(service["stop_grace_period"])) == 0
    finally:
        container.kill()


def test_the_clock_closes_yesterday_and_ends_when_told(
    running: dict[str, Container], migrated: World, tmp_path: Path
) -> None:
    service, log = migrated.services["clock"], tmp_path / "log"
    clock = Container(migrated.image, service["command"], migrated.env("clock"), log, migrated.mounts("clock"))
    try:
        deadline = monotonic() + 30
        while "closed the day" not in log.read_text():
            assert monotonic() < deadline, log.read_text()
            Event().wait(0.1)
        assert clock.stop(compose.seconds(service["stop_grace_period"])) == 0
    finally:
        clock.kill()


def test_each_ends_in_order_within_its_grace(running: dict[str, Container], migrated: World) -> None:
    for name in reversed(SERVICES):
        grace = compose.seconds(migrated.services[name]["stop_grace_period"])
        assert running[name].stop(grace) == 0, name


def _key(world: World) -> str:
    return str(world.services["qunli"]["environment"]["QUNLI_KEY"])
