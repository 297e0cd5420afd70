"""What every test may ask for. Nothing starts until a test asks: the unit tests never do.

One real Kafka and one real Postgres serve a whole test run. A test gets a database and a log of its own on them:
`fresh_database` and `fresh_log`. Tests that break Kafka or Postgres start their own with `a_stack`.
"""

import gc
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import hypothesis
import psycopg
import pytest
from psycopg import sql

from deploy.local import ports, services, topics
from deploy.local.child import Child
from deploy.local.folder import ROLES
from deploy.local.postgres import with_database, with_role
from deploy.local.stack import Options, Stack
from libs.common.migrate import migrate
from tests import secure

# How many examples a search of the property tests draws, anew each time; 0: the same ones in every run, and fewer.
EXAMPLES = int(os.environ.get("QUNLI_EXAMPLES", "0"))
# No deadline: how long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("qunli", derandomize=not EXAMPLES, max_examples=EXAMPLES or 40, deadline=None)
hypothesis.settings.load_profile("qunli")

THROWAWAY = Options(services=(), throwaway=True)
# One for all roles, and known: it opens databases on 127.0.0.1 that live as long as the test run.
PASSWORD = "for-this-test-run"

_numbers = itertools.count(1)


def pytest_collection_finish() -> None:
    """Leave what lives to the end out of looks for cycles: one that finds all of it takes longer than most tests."""
    gc.collect()
    gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--secure", action="store_true", help="on a Kafka and a Postgres that let nobody in unknown")


def pytest_configure(config: pytest.Config) -> None:
    """Aiokafka forgets a connection that is given up while it begins: by TLS that takes longer, and is seen."""
    if config.getoption("--secure"):
        config.addinivalue_line("filterwarnings", "ignore:unclosed <StreamWriter:ResourceWarning")
        config.addinivalue_line("filterwarnings", "ignore:Unclosed AIOKafkaConnection:ResourceWarning")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out of a secure run what has nothing to do with it: such a test says why."""
    if config.getoption("--secure"):
        for item in items:
            if plain := item.get_closest_marker("plain"):
                item.add_marker(pytest.mark.skip(f"in a secure run: {plain.args[0]}"))


@pytest.fixture(scope="session")
def is_secure(request: pytest.FixtureRequest) -> bool:
    """Whether this is a secure run."""
    return bool(request.config.getoption("--secure"))


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory, is_secure: bool) -> Iterator[Stack]:
    """The test run's Kafka and Postgres. Postgres does not wait for the disk: these data die with the run."""
    with Stack(tmp_path_factory.mktemp("shared-stack"), replace(THROWAWAY, secure=is_secure)) as stack:
        if is_secure:
            secure.begin(stack)
        yield stack


@pytest.fixture(scope="session")
def kafka_bootstrap(shared_stack: Stack) -> str:
    """host:port of the test run's Kafka."""
    return shared_stack.urls.kafka


@pytest.fixture(scope="session")
def postgres_url(shared_stack: Stack) -> str:
    """The owner's URL of the test run's Postgres: an empty database that no test writes to."""
    return shared_stack.urls.database


@pytest.fixture
def fresh_database(postgres_url: str) -> Iterator[Callable[[], str]]:
    """`fresh_database()` makes a migrated database of the test's own and gives its owner's URL."""
    made: list[str] = []

    def make() -> str:
        made.append(f"test_{next(_numbers)}")
        _run(postgres_url, "CREATE DATABASE {}", made[-1])
        url = with_database(postgres_url, made[-1])
        migrate(url, dict.fromkeys(ROLES, PASSWORD))
        return url

    yield make
    for name in made:
        _run(postgres_url, "DROP DATABASE {} WITH (FORCE)", name)


def _run(url: str, statement: str, database: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(database)))


@pytest.fixture(scope="session")
def role_url() -> Callable[[str, str], str]:
    """`role_url(url, "qunli_engagement")`: the same database as `fresh_database` gave, for a service's role."""
    return lambda url, role: with_role(url, role, PASSWORD)


@pytest.fixture
def fresh_log(kafka_bootstrap: str) -> Iterator[Callable[..., str]]:
    """`fresh_log(partitions=None)` makes every topic anew under a prefix of its own and gives it.

    The prefix goes into QUNLI_TOPIC_PREFIX or Settings(topic_prefix=...): groups carry it too.
    """
    made: list[str] = []

    def make(partitions: int | None = None) -> str:
        made.append(f"test{next(_numbers)}.")
        topics.create(kafka_bootstrap, made[-1], partitions=partitions)
        secure.give_rights(kafka_bootstrap, made[-1])
        return made[-1]

    yield make
    for prefix in made:
        topics.delete(kafka_bootstrap, prefix)
        secure.take_rights(kafka_bootstrap, prefix)


@pytest.fixture
def a_service(
    kafka_bootstrap: str, role_url: Callable[[str, str], str], tmp_path: Path
) -> Iterator[Callable[..., Child]]:
    """`a_service(services.INGEST, url, prefix, QUNLI_STEP_RECORDS="7")`: a service's process, started and ready.

    It works on a test's own database (`fresh_database()`) and log (`fresh_log()`), under its own role; settings
    come last. `services.door_url(service, child)` is its door. Nothing restarts it but the test.
    """
    with ExitStack() as children:

        def start(service: services.Service, url: str, prefix: str, **settings: str) -> Child:
            around = services.Surroundings(kafka_bootstrap, prefix, "Asia/Shanghai")
            door, ops = ports.free_port([], set()), ports.free_port([], set())
            env = services.service_env(service, around, role_url(url, service.role), {"door": door, "ops": ops})
            log = tmp_path / f"{service.name}-{ops}.log"
            env |= {**secure.user_env(service.name), **settings}
            child = services.child(service.name, service.module, env, tmp_path, log)
            children.callback(child.stop)
            child.start()
            child.wait_ready()
            return child

        yield start


@pytest.fixture(scope="session")
def make_stack(request: pytest.FixtureRequest, is_secure: bool) -> Callable[[Path, Options], Stack]:
    """`make_stack(folder, options)`: a stack that is not started yet."""
    if is_secure:
        request.getfixturevalue("shared_stack")  # its authority is the others' too

    def make(folder: Path, options: Options) -> Stack:
        if is_secure:
            secure.trust(folder)
        return Stack(folder, replace(options, secure=is_secure))

    return make


@pytest.fixture
def a_stack(tmp_path: Path, make_stack: Callable[[Path, Options], Stack]) -> Iterator[Callable[..., Stack]]:
    """`a_stack(options)` starts a stack of the test's own, to be broken; only Kafka and Postgres unless told."""
    with ExitStack() as stacks:
        yield lambda options=THROWAWAY: stacks.enter_context(make_stack(tmp_path / f"stack-{next(_numbers)}", options))
