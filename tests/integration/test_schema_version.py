"""Services wait for the schema that they need, `qunli wait` too; an older version leaves a newer database alone."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import psycopg
import pytest
from aiokafka import AIOKafkaConsumer

from deploy.local import ports, services, topics
from deploy.local.child import Child, ChildFailed
from libs.common.clock import monotonic
from libs.common.migrate import migrate
from libs.common.schema import VIEWS_VERSION
from libs.common.topics import TOPICS
from tests.conftest import PASSWORD
from tests.secure import client_of, user_env

RoleUrl = Callable[[str, str], str]
OLD = f"views has version {VIEWS_VERSION - 1} and {VIEWS_VERSION} is needed"


def qunli(*arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "deploy.local.cli", *arguments]
    return subprocess.run(argv, env=os.environ | env, capture_output=True, text=True, timeout=60, check=False)


def run(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def make_old(url: str) -> None:
    """As a version before this one has left it."""
    run(url, "UPDATE meta.version SET number = number - 1 WHERE part = 'views'")


def test_waiting_ends_when_the_schema_is_there(fresh_database: Callable[[], str], role_url: RoleUrl) -> None:
    url = fresh_database()
    for role in ("qunli_engagement", "qunli_gateway"):
        done = qunli("wait", "--seconds", "0", QUNLI_DATABASE_URL=role_url(url, role))
        assert done.returncode == 0, done.stderr
    make_old(url)
    done = qunli("wait", "--seconds", "0", QUNLI_DATABASE_URL=role_url(url, "qunli_ingest"))
    assert done.returncode == 1
    assert f"{OLD}. Run `qunli migrate`" in done.stderr
    run(url, "DROP SCHEMA meta CASCADE")
    waiting = qunli("wait", "--seconds", "1", QUNLI_DATABASE_URL=role_url(url, "qunli_ingest"))
    assert waiting.returncode == 1
    assert "it was never migrated" in waiting.stderr


def test_waiting_goes_on_while_nothing_answers() -> None:
    url = f"postgresql://qunli_ingest:x@127.0.0.1:{ports.free_port([], set())}/qunli"
    begun = monotonic()
    done = qunli("wait", "--seconds", "2", QUNLI_DATABASE_URL=url)
    assert done.returncode == 1
    assert "The database does not answer" in done.stderr
    assert monotonic() - begun > 2


def test_a_processor_refuses_an_older_schema(
    a_service: Callable[..., Child], fresh_database: Callable[[], str], fresh_log: Callable[..., str], tmp_path: Path
) -> None:
    url, prefix = fresh_database(), fresh_log(partitions=1)
    make_old(url)
    with pytest.raises(ChildFailed):
        a_service(services.ENGAGEMENT, url, prefix)
    (log,) = tmp_path.glob("engagement-*.log")
    assert f"SchemaOld: The database is older than this program: {OLD}" in log.read_text()


def test_a_door_says_that_the_schema_is_old_and_opens_once_it_is_not(
    fresh_database: Callable[[], str],
    fresh_log: Callable[..., str],
    kafka_bootstrap: str,
    role_url: RoleUrl,
    tmp_path: Path,
) -> None:
    url = fresh_database()
    around = services.Surroundings(kafka_bootstrap, fresh_log(partitions=12), "Asia/Shanghai")
    make_old(url)
    children = []
    for service in (services.INGEST, services.GATEWAY):
        door, ops = ports.free_port([], set()), ports.free_port([], set())
        env = services.service_env(service, around, role_url(url, service.role), {"door": door, "ops": ops})
        env |= user_env(service.name)
        log = tmp_path / f"{service.name}.log"
        children.append(services.child(service.name, service.module, env, tmp_path, log))
    try:
        for child in children:
            child.start()
        for child in children:
            probe = f"http://127.0.0.1:{child.command.env['QUNLI_OPS_PORT']}/health/ready"
            assert OLD in reason(probe, "version")
        assert migrate(url, {})
        for child in children:
            child.wait_ready()
    finally:
        for child in children:
            child.stop()


def reason(probe: str, word: str) -> str:
    """Why a process is not ready, once it has something to say of `word`."""
    deadline = monotonic() + 30
    while monotonic() < deadline:
        try:
            answer = httpx.get(probe, trust_env=False).json()
        except httpx.HTTPError:
            continue
        if word in str(answer["reason"]):
            return str(answer["reason"])
    pytest.fail("the probe did not say it")


def test_an_older_version_leaves_a_newer_database_alone(fresh_database: Callable[[], str]) -> None:
    url = fresh_database()
    run(url, "UPDATE meta.version SET number = number + 1 WHERE part = 'engagement'")
    run(url, "CREATE VIEW engagement_v1.of_a_newer_version AS SELECT 1 AS one")
    done = qunli("migrate", QUNLI_DATABASE_URL=url, QUNLI_PASSWORD_INGEST=PASSWORD)
    assert done.returncode == 0, done.stderr
    assert "a newer version" in done.stdout
    run(url, "SELECT one FROM engagement_v1.of_a_newer_version")


def test_migrating_twice_at_once_is_migrating_once(postgres_url: str, fresh_database: Callable[[], str]) -> None:
    url = fresh_database()
    run(url, "DROP SCHEMA meta, auth, engagement, segmentation, engagement_v1, segmentation_v1 CASCADE")
    argv = [sys.executable, "-m", "deploy.local.cli", "migrate", "--wait", "5"]
    both = [subprocess.Popen(argv, env=os.environ | {"QUNLI_DATABASE_URL": url}) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]


async def test_topics_are_made_on_request(fresh_database: Callable[[], str], kafka_bootstrap: str) -> None:
    prefix = "made-by-migrate."
    env = {
        "QUNLI_DATABASE_URL": fresh_database(),
        "QUNLI_KAFKA_BOOTSTRAP": kafka_bootstrap,
        "QUNLI_TOPIC_PREFIX": prefix,
    }
    done = qunli("migrate", "--topics", **env)
    try:
        assert done.returncode == 0, done.stderr
        async with AIOKafkaConsumer(**client_of(kafka_bootstrap)) as consumer:
            found = {name for name in await consumer.topics() if name.startswith(prefix)}
        assert found == {topic.name_with(prefix) for topic in TOPICS}
    finally:
        topics.delete(kafka_bootstrap, prefix)
