"""The stack on one machine, for real: it starts, survives what it should, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from zoneinfo import ZoneInfo

import httpx
import psutil
import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.local import background, postgres, services
from deploy.local import folder as folders
from deploy.local.child import Child
from deploy.local.days import close_days_by_the_clock
from deploy.local.folder import Folder, Run
from deploy.local.ports import HOST, is_free
from deploy.local.stack import Stack
from libs.common.clock import monotonic
from libs.common.keys import create_key
from libs.common.topics import MEMBER_EVENTS
from tests.integration.ingest_world import an_event, by_worker, workers_of

pytestmark = pytest.mark.plain("it is about a stack without --secure; test_secure_stack.py is about the other")

SECONDS = 100.0


def qunli(*arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line to its end."""
    argv = [sys.executable, "-m", "deploy.local.cli", *arguments]
    return subprocess.run(argv, env=os.environ | env, capture_output=True, text=True, timeout=150, check=False)


def eventually(holds: Callable[[], bool]) -> None:
    deadline = monotonic() + SECONDS
    while not holds():
        assert monotonic() < deadline
        Event().wait(0.05)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """A data folder of the test's own; whatever runs on it at the end is stopped."""
    yield folders.folder_at(tmp_path / "data")
    qunli("down", "--data", str(tmp_path / "data"))


def pids(run: Run) -> dict[str, int]:
    return {child.name: child.pid for child in run.children}


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_fresh_database_is_migrated_and_open_to_its_services(
    fresh_database: Callable[[], str], role_url: Callable[[str, str], str]
) -> None:
    with psycopg.connect(role_url(fresh_database(), "qunli_engagement")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("qunli_engagement",)


async def test_fresh_logs_are_empty_and_apart(fresh_log: Callable[..., str], kafka_bootstrap: str) -> None:
    one, other = (MEMBER_EVENTS.name_with(fresh_log(partitions=2)) for _ in range(2))
    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, acks="all") as producer:
        await producer.send_and_wait(one, b"x", partition=1)
    async with AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap) as consumer:
        ends = await consumer.end_offsets([TopicPartition(topic, p) for topic in (one, other) for p in (0, 1)])
    assert {(p.topic, p.partition): end for p, end in ends.items()} == {
        (one, 0): 0,
        (one, 1): 1,
        (other, 0): 0,
        (other, 1): 0,
    }


async def test_data_survives_every_way_to_stop(a_stack: Callable[..., Stack]) -> None:
    stack = a_stack()
    with psycopg.connect(stack.urls.database, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS x")
    async with AIOKafkaProducer(bootstrap_servers=stack.urls.kafka, acks="all") as producer:
        await producer.send_and_wait(MEMBER_EVENTS.name, b"kept", partition=0)
    stack.kafka.kill()
    stack.postgres.kill()
    stack.kafka.restart()
    stack.postgres.restart(postgres.IMMEDIATE)
    stack.stop()
    ports = stack.settled.ports
    with Stack(stack.folder.root, stack.options) as again:
        assert again.settled.ports == ports
        with psycopg.connect(again.urls.database) as connection:
            assert connection.execute("SELECT x FROM kept").fetchone() == (42,)
        async with AIOKafkaConsumer(bootstrap_servers=again.urls.kafka) as consumer:
            partition = TopicPartition(MEMBER_EVENTS.name, 0)
            assert await consumer.end_offsets([partition]) == {partition: 1}


def test_postgres_asks_for_a_password_and_does_not_run_as_root(shared_stack: Stack) -> None:
    wrong = shared_stack.urls.database.replace(shared_stack.settled.owner_password, "guess")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)
    process = psutil.Process(shared_stack.postgres.pid)
    assert process.uids().effective != 0
    assert shared_stack.settled.owner_password not in " ".join(process.cmdline())


def test_everything_listens_on_this_machine_alone(shared_stack: Stack) -> None:
    for child in shared_stack.children():
        listening = [c.laddr.ip for c in psutil.Process(child.pid).net_connections("inet") if c.status == "LISTEN"]
        assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}


@pytest.mark.parametrize("service", [service for service in services.SERVICES if service.exists])
def test_every_service_starts_under_its_own_role_and_ends_when_asked(
    service: services.Service,
    a_service: Callable[..., Child],
    fresh_database: Callable[[], str],
    fresh_log: Callable[..., str],
) -> None:
    child = a_service(service, fresh_database(), fresh_log())
    child.stop()
    assert child.exit_status == 0


async def test_the_clock_closes_yesterday(
    a_service: Callable[..., Child],
    fresh_database: Callable[[], str],
    fresh_log: Callable[..., str],
    kafka_bootstrap: str,
) -> None:
    url, prefix, stopping, said = fresh_database(), fresh_log(), Event(), list[str]()

    def say(line: str) -> None:
        said.append(line)
        stopping.set()

    door = services.door_url(services.INGEST, a_service(services.INGEST, url, prefix))
    close_days_by_the_clock(door, create_key(url, "clock", ["days:close"], ["*"]), ZoneInfo("UTC"), stopping, say)
    assert [line.partition(" 20")[0] for line in said] == ["closed the day"]
    async with AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap) as consumer:
        partitions = [TopicPartition(MEMBER_EVENTS.name_with(prefix), n) for n in range(MEMBER_EVENTS.partitions)]
        assert set((await consumer.end_offsets(partitions)).values()) == {1}


def test_a_life_in_the_background(folder: Folder) -> None:
    """Up, a second up, a crash, status, logs, kill -9 of the supervisor, up, down, reset."""
    data = ("--data", str(folder.root))
    assert qunli("up", "--detach", "--bare", *data).returncode == 0

    second = qunli("up", "--bare", *data)
    assert second.returncode == 2
    assert (
        second.stderr
        == f"A stack is already running on {folder.root}. `qunli status` shows it, `qunli down` stops it.\n"
    )

    before = pids(folders.read_run(folder))
    os.kill(before["postgres"], signal.SIGKILL)
    eventually(lambda: pids(folders.read_run(folder)).get("postgres", before["postgres"]) != before["postgres"])
    assert {child.name: child.restarts for child in folders.read_run(folder).children} == {"kafka": 0, "postgres": 1}
    assert "postgres ended with status" in qunli("logs", "supervisor", *data).stdout
    shown = qunli("status", *data)
    assert shown.returncode == 0
    assert all(str(pid) in shown.stdout for pid in pids(folders.read_run(folder)).values())

    left = pids(folders.read_run(folder)).values()
    os.kill(folders.holder(folder) or 0, signal.SIGKILL)
    eventually(lambda: all(is_gone(pid) for pid in left))
    assert qunli("status", *data).returncode == 3

    assert qunli("up", "--detach", "--bare", *data).returncode == 0
    left = pids(folders.read_run(folder)).values()
    assert qunli("reset", "--yes", *data).returncode == 2
    assert qunli("down", *data).returncode == 0
    assert all(is_gone(pid) for pid in left)
    assert qunli("reset", "--yes", *data).returncode == 0
    assert not folder.root.exists()


async def test_a_stack_with_two_processes_of_ingest(folder: Folder) -> None:
    """Both serve the one door, one that is killed comes back, and `down` leaves neither."""
    data = ("--data", str(folder.root))
    up = qunli("up", "--detach", "--no-clock", *data, QUNLI_INGEST_PROCESSES="2")
    assert up.returncode == 0, up.stderr
    settled, run = folders.read_settled(folder), folders.read_run(folder)
    assert settled
    assert run.supervisor
    everything = psutil.Process(run.supervisor.pid).children(recursive=True)
    parent, door = pids(run)["ingest"], background.reachable(settled).ingest
    ops_url = f"http://{HOST}:{settled.ports['ingest-ops']}"
    first, second = workers_of(parent, door)
    assert {post(door, settled.server_key, number) for number in range(40)} == {202}
    assert set(await by_worker(ops_url, "qunli_http_requests_total")) == {"0", "1"}

    _a_link_logs_in(qunli("console", "--store", "sh-001", "--name", "Li Wei", *data).stdout)
    assert folder.session_secrets.stat().st_mode & 0o777 == 0o600

    first.kill()
    eventually(lambda: first.pid not in {worker.pid for worker in workers_of(parent, door)})
    assert {post(door, settled.server_key, number) for number in range(40, 50)} == {202}
    eventually(lambda: len(workers_of(parent, door)) == 2 and services.is_ready(settled.ports["ingest-ops"]))
    assert second in workers_of(parent, door)
    assert pids(folders.read_run(folder)) == pids(run)  # nothing for the supervisor to do

    everything += workers_of(parent, door)
    assert qunli("down", *data).returncode == 0
    assert not [process for process in everything if not is_gone(process.pid)]
    assert is_free(settled.ports["ingest"])


def _a_link_logs_in(link: str) -> None:
    gateway, _, login = link.strip().partition("/console#login=")
    begun = httpx.post(f"{gateway}/v1/console/sessions", json={"login": login}, trust_env=False)
    assert begun.status_code == 201, begun.text
    assert (begun.json()["name"], begun.json()["stores"]) == ("Li Wei", ["sh-001"])


def post(door: str, key: str, number: int) -> int:
    """Post an event on a connection of its own; the answer's status."""
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{door}/v1/events", json=an_event(number), headers=headers, trust_env=False).status_code


def test_a_first_start_may_be_cut_off_anywhere_and_ctrl_c_stops_everything(folder: Folder) -> None:
    argv = [sys.executable, "-m", "deploy.local.cli", "up", "--bare", "--data", str(folder.root)]
    for seconds in (0.7, 1.0, 1.4, 2.0):
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, start_new_session=True) as process:
            Event().wait(seconds)
            process.kill()
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as process:
        eventually(lambda: folders.read_run(folder).state == "up" or process.poll() is not None)
        left = pids(folders.read_run(folder)).values()
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
    assert len(left) == 2
    assert all(is_gone(pid) for pid in left)


def test_a_fixed_port_that_is_taken_is_one_line(folder: Folder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = qunli("up", "--bare", "--kafka-port", port, "--data", str(folder.root))
    assert (done.returncode, done.stderr) == (
        2,
        f"Port {port}, asked for kafka, is taken. Free it, or ask for another.\n",
    )


def test_no_network_at_the_first_start_is_one_line(folder: Folder, tmp_path: Path) -> None:
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = qunli("up", "--bare", "--data", str(folder.root), XDG_CACHE_HOME=str(tmp_path / "cache"), **nowhere)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "The first start needs the network" in done.stderr


def test_given_kafka_and_postgres_are_used_instead(folder: Folder, shared_stack: Stack) -> None:
    urls = shared_stack.urls
    given = {"QUNLI_KAFKA_BOOTSTRAP": urls.kafka, "QUNLI_DATABASE_URL": urls.database, "QUNLI_TOPIC_PREFIX": "given."}
    done = qunli("up", "--detach", "--bare", "--data", str(folder.root), **given)
    assert done.returncode == 0, done.stderr
    assert folders.read_run(folder).children == ()
    assert not folder.kafka.exists()
    assert not folder.postgres.exists()
