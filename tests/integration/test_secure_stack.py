"""A stack that lets nobody in unknown: TLS alone, each service a user with its own rights, and nothing beyond them."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import uvloop
from aiokafka import TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError, for_code
from pydantic import SecretStr

from deploy.local import acls, ports
from deploy.local import security as parts
from deploy.local.certificates import Authority
from deploy.local.postgres import with_role
from deploy.local.reach import admin_url, log_settings
from deploy.local.security import Security
from deploy.local.services import SERVICES
from deploy.local.stack import Options, Stack
from libs.common.clock import monotonic
from libs.common.config import Settings
from libs.common.guards import LogUnavailable, describe
from libs.common.kafka import close, make_admin, make_client, make_consumer, make_producer
from libs.common.log_identity import describe_topics
from libs.common.log_reader import open_reader
from libs.common.postgres import DatabaseUnavailable, acquire, create_pool
from libs.common.rebuild import rebuild
from libs.common.rights import USERS, Operation, Right, User
from libs.common.rights_check import rights_found
from libs.common.step import Record
from libs.common.topics import ENGAGEMENT_GROUP, MEMBER_EVENTS, SEGMENTATION_GROUP, STORE_FEED, TOPICS
from services.engagement.rebuild import SERVICE as ENGAGEMENT
from tests.integration.ingest_world import an_event
from tests.integration.scram import set_password

PASSWORDS = "PASSWORDS"  # a listener for those who show one; the certificates' stays as it is


@pytest.fixture(scope="module")
def password_port() -> int:
    return ports.free_port([], set())


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, password_port: int) -> Iterator[Stack]:
    """All of it, with one more listener."""
    plain = parts.listener_settings

    def with_passwords(security: Security, port: int, controller_port: int) -> dict[str, str]:
        found = plain(security, port, controller_port)
        lower = f"listener.name.{PASSWORDS.lower()}"
        module = "org.apache.kafka.common.security"
        return {
            **found,
            "listeners": f"{found['listeners']},{PASSWORDS}://{ports.HOST}:{password_port}",
            "advertised.listeners": f"{found['advertised.listeners']},{PASSWORDS}://{ports.HOST}:{password_port}",
            "listener.security.protocol.map": f"{found['listener.security.protocol.map']},{PASSWORDS}:SASL_SSL",
            f"{lower}.ssl.client.auth": "none",
            f"{lower}.sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
            f"{lower}.scram-sha-512.sasl.jaas.config": f"{module}.scram.ScramLoginModule required;",
            f"{lower}.plain.sasl.jaas.config": f'{module}.plain.PlainLoginModule required user_plain="as-it-is";',
        }

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deploy.local.kafka.listener_settings", with_passwords)
        options = Options(throwaway=True, secure=True, env={"QUNLI_SESSION_SECONDS": "6"})
        with Stack(tmp_path_factory.mktemp("secure"), options) as running:
            yield running


def role_url(stack: Stack, role: str) -> str:
    return with_role(stack.urls.database, role, stack.settled.passwords[role])


def wait_for(what: Callable[[], Any], seconds: float = 20) -> Any:
    deadline = monotonic() + seconds
    while not (found := what()):
        assert monotonic() < deadline, "it takes too long"
    return found


# --- what it is for -----------------------------------------------------------------------------------------------


def test_an_event_goes_the_whole_way(stack: Stack) -> None:
    head = {"Authorization": f"Bearer {stack.server_key}"}
    with httpx.Client(headers=head, timeout=30, trust_env=False) as client:
        posted = client.post(f"{stack.urls.ingest}/v1/events", json=an_event(1, member="m-1"))
        assert posted.json()["accepted"] == 1
        after = {"X-Qunli-After": posted.headers["x-qunli-position"]}
        read = client.get(f"{stack.urls.gateway}/v1/members/m-1", headers=after)
        assert read.json()["memberships"][0]["store_id"] == "sh-001"
        plan = client.put(
            f"{stack.urls.gateway}/v1/stores/sh-001/settings",
            json={"auto_open": True},
            headers={"Idempotency-Key": "secure"},
        )
        assert plan.status_code == 202, plan.text
        wait_for(lambda: client.get(f"{stack.urls.gateway}{plan.headers['location']}").json()["state"] == "done")


def test_clients_that_are_closed_while_an_answer_comes_are_gone_at_once(stack: Stack) -> None:
    """As they are at each takeover of a partition. uvloop would keep such a connection for 30 s."""
    settings = log_settings(stack.folder.root)

    async def use(_: int, records: list[Record]) -> None:
        raise AssertionError(records)  # there is nothing between the beginning and the beginning

    async def read_nothing_and_close() -> float:
        async with open_reader(settings) as reader:
            begins, _ = await reader.spans("store-feed", [0, 1])
            await reader.read("store-feed", begins, begins, use)
            began = monotonic()
        return monotonic() - began

    assert max(uvloop.run(read_nothing_and_close()) for _ in range(12)) < 10


def test_commands_find_their_way_in(stack: Stack) -> None:
    """`qunli rebuild` is a user of its own, who reads and writes nothing."""
    data = stack.folder.root
    assert log_settings(data).kafka_certificate_file.endswith("qunli-operator.crt")
    rebuilt = rebuild(ENGAGEMENT, log_settings(data), admin_url(data), lambda *_: None, swap=False)
    assert rebuilt.records >= 1


# --- rights in Kafka ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", USERS.values(), ids=list(USERS))
async def test_kafka_lets_a_user_do_what_it_needs_and_nothing_else(stack: Stack, user: User) -> None:
    wanted = {right.name: set(right.operations) for right in user.rights}
    everything = [Right("topic", topic.name, tuple(Operation)) for topic in TOPICS]
    everything += [Right("group", group, tuple(Operation)) for group in (ENGAGEMENT_GROUP, SEGMENTATION_GROUP)]
    found = await rights_found(stack.kafka_settings(user.name), user.name, everything)
    bits = {name: {op for op in Operation if found[name] & 1 << CODES[op]} for name in found}
    assert {name: operations for name, operations in bits.items() if operations} == wanted
    assert not any(number & ~sum(1 << code for code in CODES.values()) for number in found.values())


CODES = {Operation.READ: 3, Operation.WRITE: 4, Operation.DESCRIBE: 8}  # Kafka's own numbers


async def test_kafka_refuses_who_tries(stack: Stack) -> None:
    gateway = make_producer(stack.kafka_settings("qunli-gateway"), "test", 16_384)
    await gateway.start()
    try:
        with pytest.raises(TopicAuthorizationFailedError):
            await gateway.send_and_wait(MEMBER_EVENTS.name, b"{}", partition=0)
    finally:
        await close(gateway, 5)
    segmentation = make_consumer(stack.kafka_settings("qunli-segmentation"), group_id=ENGAGEMENT_GROUP)
    await segmentation.start()
    try:
        segmentation.subscribe([STORE_FEED.name])
        with pytest.raises(GroupAuthorizationFailedError):
            await segmentation.getmany(timeout_ms=5_000)
    finally:
        await close(segmentation, 5)
    ingest = make_consumer(stack.kafka_settings("qunli-ingest"), auto_offset_reset="earliest")
    await ingest.start()
    try:
        ingest.assign([TopicPartition(MEMBER_EVENTS.name, 0)])
        with pytest.raises(TopicAuthorizationFailedError):
            await ingest.getmany(timeout_ms=5_000)
    finally:
        await close(ingest, 5)


async def test_nobody_but_the_administrator_makes_or_deletes_topics(stack: Stack) -> None:
    admin = make_admin(stack.kafka_settings("qunli-engagement"))
    await admin.start()
    try:
        made = await admin.create_topics([NewTopic("mine", 1, 1)])
        assert for_code(made.topic_errors[0][1]) is TopicAuthorizationFailedError
        gone = await admin.delete_topics([STORE_FEED.name])
        assert for_code(gone.topic_error_codes[0][1]) is TopicAuthorizationFailedError
    finally:
        await admin.close()


@pytest.mark.parametrize(
    ("name", "right", "told"),
    [
        ("engagement", Right("topic", "store-feed", (Operation.WRITE,)), "Write topic store-feed"),
        ("gateway", Right("topic", "placements", (Operation.READ,)), "Read topic placements"),
    ],
)
def test_a_right_that_is_missing_stops_a_service_at_its_start(stack: Stack, name: str, right: Right, told: str) -> None:
    taken = replace(USERS[name], rights=(right,))
    service = stack.services[name]
    service.stop()
    acls.take(stack.kafka_settings(), [taken])
    try:
        service.start()
        wait_for(lambda: not service.alive, 30)
        assert service.exit_status == 1
        assert f"Kafka does not let qunli-{name} {told}. Give this user the right" in service.command.log.read_text()
    finally:
        acls.give(stack.kafka_settings(), [taken])
    service.start()
    service.wait_ready()


# --- who comes in -------------------------------------------------------------------------------------------------


def changed(stack: Stack, **changes: Any) -> Settings:
    return stack.kafka_settings("qunli-ingest").model_copy(update=changes)


async def refusal(settings: Settings) -> str:
    with pytest.raises(LogUnavailable) as refused:
        await describe(settings, MEMBER_EVENTS.name)
    return str(refused.value)


@pytest.fixture
def other_ca(tmp_path: Path) -> Authority:
    (tmp_path / "other.crt").write_bytes((other := Authority.new("other")).pem)
    return other


async def test_kafka_without_tls_is_refused(stack: Stack) -> None:
    # In a secure run the environment names them.
    plain: Any = dict.fromkeys(("kafka_ca_file", "kafka_certificate_file", "kafka_key_file"), "")
    told = await refusal(Settings(kafka_bootstrap=stack.urls.kafka, kafka_security_protocol="PLAINTEXT", **plain))
    assert "of another kind than QUNLI_KAFKA_SECURITY_PROTOCOL=PLAINTEXT" in told


async def test_who_shows_kafka_no_certificate_is_refused(stack: Stack) -> None:
    told = await refusal(changed(stack, kafka_certificate_file="", kafka_key_file=""))
    assert "QUNLI_KAFKA_CERTIFICATE_FILE" in told or "refuses our certificate" in told


async def test_a_certificate_of_another_authority_is_refused_by_kafka(
    stack: Stack, other_ca: Authority, tmp_path: Path
) -> None:
    other_ca.sign("qunli-ingest").write(tmp_path, "user")
    forged = {"kafka_certificate_file": str(tmp_path / "user.crt"), "kafka_key_file": str(tmp_path / "user.key")}
    assert "refuses our certificate" in await refusal(changed(stack, **forged))


async def test_a_kafka_that_nobody_vouches_for_is_refused(stack: Stack, other_ca: Authority, tmp_path: Path) -> None:
    told = await refusal(changed(stack, kafka_ca_file=str(tmp_path / "other.crt")))
    assert "signed by nobody that we trust: QUNLI_KAFKA_CA_FILE must name its CA" in told


async def test_a_kafka_of_another_name_is_refused(stack: Stack) -> None:
    other_name = stack.urls.kafka.replace("127.0.0.1", "127.1")  # the same place
    assert "certificate of 127.1" in (told := await refusal(changed(stack, kafka_bootstrap=other_name)))
    assert "is for other names" in told


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
async def test_a_password_opens_kafka_and_a_new_one_in_its_file_too(
    stack: Stack, password_port: int, tmp_path: Path, mechanism: str
) -> None:
    (tmp_path / "password").write_text("as-it-is\n")
    settings = Settings(
        kafka_bootstrap=f"127.0.0.1:{password_port}",
        kafka_security_protocol="SASL_SSL",
        kafka_ca_file=str(stack.kafka_settings().kafka_ca_file),
        kafka_sasl_mechanism="PLAIN" if mechanism == "PLAIN" else "SCRAM-SHA-512",
        kafka_sasl_username="plain" if mechanism == "PLAIN" else "scram",
        kafka_sasl_password_file=str(tmp_path / "password"),
    )
    await set_password(stack.kafka_settings(), "scram", "as-it-is")
    async with connected(settings) as client:
        if mechanism == "SCRAM-SHA-512":
            await set_password(stack.kafka_settings(), "scram", "the-next")
            (tmp_path / "password").write_text("the-next\n")
            await reconnect(client)
    (tmp_path / "password").write_text("wrong\n")
    assert "does not take this user and password (QUNLI_KAFKA_SASL_USERNAME)" in await refusal(settings)


async def test_a_new_certificate_is_shown_by_a_client_that_runs(stack: Stack, tmp_path: Path) -> None:
    """Its name tells which one it was: another user has other rights."""
    place = files_of(stack, "qunli-ingest", tmp_path)
    async with connected(changed(stack, **place)) as client:
        assert await error_of(client, STORE_FEED.name) is TopicAuthorizationFailedError
        files_of(stack, "qunli-gateway", tmp_path)
        await reconnect(client)
        assert await error_of(client, STORE_FEED.name) is not TopicAuthorizationFailedError


def files_of(stack: Stack, user: str, folder: Path) -> dict[str, str]:
    """Another user's files, put where the former one's were."""
    assert stack.security
    for suffix in ("crt", "key"):
        shutil.copy(stack.security.folder / f"{user}.{suffix}", folder / f"user.{suffix}")
    return {"kafka_certificate_file": str(folder / "user.crt"), "kafka_key_file": str(folder / "user.key")}


async def error_of(client: AIOKafkaClient, topic: str) -> type[Exception]:
    answer = await describe_topics(client, [topic])
    found: type[Exception] = for_code(answer.topics[0][0])
    return found


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[AIOKafkaClient]:
    client = make_client(settings, "test")
    try:
        await client.bootstrap()
        yield client
    finally:
        await close(client, 2)


async def reconnect(client: AIOKafkaClient) -> None:
    """As when a broker has closed all connections."""
    for connection in list(client._conns.values()):
        connection.close()
    assert await client.ready(client.get_random_node())


# --- Postgres -----------------------------------------------------------------------------------------------------


def test_postgres_without_tls_is_refused(stack: Stack) -> None:
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(stack.urls.database.partition("?")[0] + "?sslmode=disable")


def database(stack: Stack, **changes: Any) -> Settings:
    plain = role_url(stack, "qunli_ingest").partition("?")[0]
    given = {"database_url": SecretStr(plain), "database_ca_file": str(stack.kafka_settings().kafka_ca_file)}
    return Settings.model_validate(given | changes)


async def pool_refusal(settings: Settings) -> str:
    with pytest.raises(DatabaseUnavailable) as refused:
        await create_pool(settings, application="test", schema="engagement_v1")
    return str(refused.value)


async def test_a_postgres_that_nobody_vouches_for_is_refused(stack: Stack, other_ca: Authority, tmp_path: Path) -> None:
    other = database(stack, database_ca_file=str(tmp_path / "other.crt"))
    told = await pool_refusal(other)
    assert "signed by nobody that we trust: QUNLI_DATABASE_CA_FILE must name its CA" in told
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(other.database_address)


async def test_a_postgres_of_another_name_is_refused(stack: Stack) -> None:
    url = role_url(stack, "qunli_ingest").partition("?")[0].replace("@127.0.0.1", "@127.1")
    other = database(stack, database_url=SecretStr(url))
    assert "is for other names" in await pool_refusal(other)
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        psycopg.connect(database(stack).database_address, host="db.example", hostaddr="127.0.0.1")


async def test_new_connections_to_postgres_use_the_new_password_and_ca(stack: Stack, tmp_path: Path) -> None:
    with psycopg.connect(stack.urls.database, autocommit=True) as owner:
        owner.execute("CREATE ROLE rotating LOGIN PASSWORD 'the-first'")
        owner.execute("GRANT USAGE ON SCHEMA engagement_v1 TO rotating")
        (tmp_path / "password").write_text("the-first\n")
        shutil.copy(stack.kafka_settings().kafka_ca_file, tmp_path / "ca.crt")
        url = stack.urls.database.partition("?")[0].partition("@")[2]
        settings = Settings(
            database_url=SecretStr(f"postgresql://rotating@{url}"),
            database_ca_file=str(tmp_path / "ca.crt"),
            database_password_file=str(tmp_path / "password"),
        )
        pool = await create_pool(settings, application="test", schema="engagement_v1", size=1)
        try:
            async with acquire(pool, 5) as connection:
                assert await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            owner.execute("ALTER ROLE rotating PASSWORD 'the-second'")
            await pool.expire_connections()
            with pytest.raises(DatabaseUnavailable, match="password authentication failed"):
                async with acquire(pool, 5):
                    pass
            (tmp_path / "password").write_text("the-second\n")
            async with acquire(pool, 5) as connection:
                assert await connection.fetchval("SELECT current_user") == "rotating"
            (tmp_path / "ca.crt").write_bytes(Authority.new("other").pem)
            await pool.expire_connections()
            with pytest.raises(DatabaseUnavailable, match="signed by nobody that we trust"):
                async with acquire(pool, 5):
                    pass
        finally:
            pool.terminate()


OWN = {"SELECT", "INSERT", "UPDATE", "DELETE"}
# By role: what it may do with the tables and views of a schema, all of them; and with some by name.
SCHEMAS: Mapping[str, Mapping[str, set[str]]] = {
    "qunli_ingest": {},
    "qunli_engagement": {"engagement": OWN},
    "qunli_segmentation": {"segmentation": OWN},
    "qunli_gateway": {"engagement_v1": {"SELECT"}, "segmentation_v1": {"SELECT"}},
}
NAMED = {("qunli_ingest", "engagement_v1.position"), ("qunli_ingest", "engagement_v1.dead_letter")}
TABLES = """
SELECT n.nspname, n.nspname || '.' || c.relname, privilege
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
     unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
WHERE c.relkind IN ('r', 'v', 'm', 'p') AND n.nspname !~ '^pg_|^information_schema$' AND n.nspname <> 'meta'
  AND has_table_privilege(%(role)s, c.oid, privilege)
"""
STRONG = """
SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
       OR has_database_privilege(oid, current_database(), 'CREATE')
       OR EXISTS (SELECT 1 FROM pg_namespace n
                  WHERE n.nspname !~ '^pg_' AND has_schema_privilege(r.oid, n.oid, 'CREATE'))
FROM pg_roles r WHERE rolname = %(role)s
"""


@pytest.mark.parametrize("role", [service.role for service in SERVICES])
def test_a_role_may_touch_its_own_tables_alone(stack: Stack, role: str) -> None:
    with psycopg.connect(stack.urls.database) as owner:
        assert owner.execute(STRONG, {"role": role}).fetchone() == (False,)
        found = owner.execute(TABLES, {"role": role}).fetchall()
    schemas = {schema for schema, _, _ in found if schema in SCHEMAS[role]}
    assert schemas == set(SCHEMAS[role])
    for schema, table, privilege in found:
        allowed = SCHEMAS[role].get(schema, {"SELECT"} if (role, table) in NAMED else set())
        assert privilege in allowed, (role, privilege, table)


@pytest.mark.parametrize("role", [service.role for service in SERVICES])
def test_a_role_comes_in_by_its_password_and_tls(stack: Stack, role: str) -> None:
    with psycopg.connect(role_url(stack, role)) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (role,)
        assert connection.info.password
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(with_role(stack.urls.database, role, "wrong"))


def test_the_owner_may_take_a_base_backup_and_no_service_may(stack: Stack) -> None:
    """A backup begins with this question on a connection for replication."""
    with psycopg.connect(stack.urls.database, replication="true") as connection:
        answer = connection.pgconn.exec_(b"IDENTIFY_SYSTEM")
        assert answer.status == psycopg.pq.ExecStatus.TUPLES_OK, answer.error_message
    for service in SERVICES:
        with pytest.raises(psycopg.OperationalError, match="permission denied to start WAL sender"):
            psycopg.connect(role_url(stack, service.role), replication="true")
