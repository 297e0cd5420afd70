"""The stack on one machine: Kafka, Postgres and the services, as child processes of whoever starts it.

    with Stack(Path("/tmp/x")) as stack:      # all of it, ready when the block begins
        stack.kafka.pause()
        stack.services["engagement"].kill()

`qunli up` runs it under a supervisor; tests and benchmarks use it as it is, where nothing restarts by itself.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import IO, Self

from deploy.local import acls, jars, kafka_users, ports, sessions, topics, zipkin
from deploy.local import folder as folders
from deploy.local import kafka as kafka_part
from deploy.local import postgres as postgres_part
from deploy.local import services as service_parts
from deploy.local.child import Child, end_stale
from deploy.local.folder import Settled
from deploy.local.security import ADMIN, Security
from libs.common.config import Settings
from libs.common.errors import QunliError, UserError
from libs.common.rights import USERS


class NotStarted(QunliError):
    """The stack has no {part} of its own, or it is not started yet."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a stack is run.

    `ports`: those the user fixed, by name (ingest, gateway, kafka, postgres). `kafka_bootstrap`, `database_url`
    (as the database's owner): used instead of starting our own. `throwaway`: for a short life, such as a test's:
    Postgres does not wait for the disk, Kafka starts fast and runs slower. `env`: settings for every service.
    `secure`: Kafka and Postgres take TLS alone, each service is a user with its own rights. `traces`: with Zipkin, to
    which every service sends all of its spans.
    """

    services: tuple[service_parts.Service, ...] = service_parts.SERVICES
    timezone: str | None = None
    ports: Mapping[str, int] = field(default_factory=dict)
    kafka_bootstrap: str | None = None
    database_url: str | None = None
    topic_prefix: str = ""
    throwaway: bool = False
    secure: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    traces: bool = False


BARE = Options(services=())


@dataclass(frozen=True, slots=True)
class Urls:
    """Where a stack is reached; "" for what it does not run. `database`: its owner's address, password included."""

    kafka: str = ""
    database: str = ""
    ingest: str = ""
    gateway: str = ""
    zipkin: str = ""


class Stack:
    """One stack on one data folder, which it holds from `start` to `stop`.

    `services`: their processes by name. `on_change(step)` is called whenever a process was started or stopped.
    """

    def __init__(
        self,
        data: Path,
        options: Options | None = None,
        *,
        cancelled: Event | None = None,
    ) -> None:
        self.folder = folders.folder_at(data)
        self.options = options or Options()
        self.services: dict[str, Child] = {}
        self.urls = Urls()
        self._cancelled = cancelled or Event()
        self.on_change: Callable[[str], None] = lambda _step: None
        self._parts: dict[str, Child] = {}
        self._tracing: Mapping[str, str] = {}
        self._settled: Settled | None = None
        self.security: Security | None = None
        self._settling = Lock()
        self._lock_file: IO[str] | None = None

    @property
    def kafka(self) -> Child:
        """Our own Kafka's process. NotStarted where another one is used."""
        return self._part("kafka")

    @property
    def postgres(self) -> Child:
        """Our own Postgres' process. NotStarted where another one is used."""
        return self._part("postgres")

    def _part(self, name: str) -> Child:
        if name not in self._parts:
            raise NotStarted(part=name)
        return self._parts[name]

    @property
    def settled(self) -> Settled:
        """Passwords, ports and ids of this folder."""
        if self._settled is None:
            raise NotStarted(part="data folder")
        return self._settled

    @property
    def server_key(self) -> str:
        """The local operator's key for both doors; "" in a stack without services."""
        return self.settled.server_key

    def children(self) -> list[Child]:
        """Every process, in the order of their start."""
        return [*self._parts.values(), *self.services.values()]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything and return when it is ready; on an error nothing is left running."""
        try:
            self._hold_folder()
            self._start_parts()
            if self.options.services:
                self._prepare_database()
            self._start_services()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything in the reverse order, and let go of the folder. Its data stays."""
        if self._lock_file is None:
            return
        for name in reversed(self.services):
            self.services[name].signal(self.services[name].command.stop_signal)
        for child in reversed(self.children()):
            self.on_change(f"stopping {child.name}")
            child.stop()
        self._lock_file.close()
        self._lock_file = None

    def _hold_folder(self) -> None:
        folders.make(self.folder)
        self._lock_file = folders.lock(self.folder)
        for left in folders.read_run(self.folder).children:
            end_stale(left.pid, left.created)
        default_zone = str(Settings.model_fields["timezone"].default)
        self._settled = folders.settle(self.folder, self.options.timezone, default_zone)
        self._settle(lambda settled: replace(settled, secure=self.options.secure))
        self.security = self._make_secure() if self.options.secure else None

    def _make_secure(self) -> Security:
        if self.options.kafka_bootstrap or self.options.database_url:
            what = "A secure stack runs a Kafka and a Postgres of its own, and the environment names others."
            raise UserError(what, "Unset QUNLI_KAFKA_BOOTSTRAP and QUNLI_DATABASE_URL, or start without --secure.")
        return Security.prepare(self.folder)

    def kafka_settings(self, user: str = ADMIN) -> Settings:
        """What a client of this stack's Kafka is told; in a secure stack it is that user."""
        prefix = self.options.topic_prefix
        if self.security:
            return self.security.settings(self.urls.kafka, user, prefix)
        return Settings(kafka_bootstrap=self.urls.kafka, topic_prefix=prefix)

    def _settle(self, change: Callable[[Settled], Settled]) -> None:
        with self._settling:
            self._settled = change(self.settled)
            folders.write_settled(self.folder, self._settled)

    def port(self, name: str, *preferred: int) -> int:
        """The port that goes by this name: the one the user fixed, the last start's, one preferred, or a free one."""
        if fixed := self.options.ports.get(name):
            if not ports.is_free(fixed):
                raise UserError(f"Port {fixed}, asked for {name}, is taken.", "Free it, or ask for another.")
            chosen = fixed
        else:
            kept = self.settled.ports.get(name)
            others = {port for key, port in self.settled.ports.items() if key != name}
            chosen = ports.free_port([kept] if kept else preferred, others)
        self._settle(lambda settled: replace(settled, ports=settled.ports | {name: chosen}))
        return chosen

    def _start_parts(self) -> None:
        """Kafka and Postgres side by side, unless others' are used; nothing starts before both folders are right.

        Zipkin beside them, if it is asked for.
        """
        self.urls = Urls(self.options.kafka_bootstrap or "", self.options.database_url or "")
        prepare: list[Callable[[], None]] = []
        launch: list[Callable[[], None]] = []
        if not self.options.kafka_bootstrap:
            node = self._kafka_node()
            self.urls = replace(self.urls, kafka=node.bootstrap)
            prepare.append(lambda: self._prepare("kafka", partial(kafka_part.prepare, node)))
            launch.append(lambda: self._launch(self._parts.setdefault("kafka", kafka_part.child(node))))
        if not self.options.database_url:
            server = self._postgres_server()
            self.urls = replace(self.urls, database=server.url())
            prepare.append(lambda: self._prepare("postgres", partial(postgres_part.prepare, server)))
            launch.append(lambda: self._launch_postgres(server))
        if self.options.traces:
            traces = self._zipkin_server()
            self.urls, self._tracing = replace(self.urls, zipkin=traces.url), traces.env
            launch.append(lambda: self._launch(self._parts.setdefault("zipkin", zipkin.child(traces))))
        side_by_side(prepare)
        side_by_side(launch)
        topics.create_with(self.kafka_settings())
        if self.security:
            self.on_change("giving each service its rights")
            acls.give(self.kafka_settings(), kafka_users.read())

    def _kafka_node(self) -> kafka_part.Node:
        return kafka_part.Node(
            folder=self.folder.kafka,
            log=self.folder.log("kafka"),
            cluster_id=self.settled.cluster_id,
            port=self.port("kafka"),
            controller_port=self.port("kafka-controller"),
            class_path=jars.ensure(),
            throwaway=self.options.throwaway,
            security=self.security,
        )

    def _postgres_server(self) -> postgres_part.Server:
        return postgres_part.server(
            self.folder.postgres,
            self.folder.log("postgres"),
            self.port("postgres"),
            self.settled.owner_password,
            throwaway=self.options.throwaway,
            security=self.security,
        )

    def _zipkin_server(self) -> zipkin.Server:
        port = self.port("zipkin", zipkin.PORT)
        return zipkin.Server(port, self.folder.root, self.folder.log("zipkin"), zipkin.ensure())

    def _prepare(self, part: str, work: Callable[..., None]) -> None:
        work(made=part in self.settled.made)
        self._settle(lambda settled: replace(settled, made=tuple(sorted({*settled.made, part}))))

    def _launch_postgres(self, server: postgres_part.Server) -> None:
        self._launch(self._parts.setdefault("postgres", postgres_part.child(server)))
        postgres_part.create_database(server)

    def _launch(self, child: Child) -> None:
        child.start()
        self.on_change(f"starting {child.name}")
        child.wait_ready(self._cancelled)
        self.on_change(f"{child.name} is ready")

    def _prepare_database(self) -> None:
        from libs.common.migrate import migrate

        self.on_change("migrating the database")
        migrate(self.urls.database, self.settled.passwords)
        if not self.settled.server_key:
            from libs.common.caller import ALL_STORES, SCOPES
            from libs.common.keys import create_key

            key = create_key(self.urls.database, "local operator", SCOPES, [ALL_STORES])
            self._settle(lambda settled: replace(settled, server_key=key))

    def _start_services(self) -> None:
        present = [service for service in self.options.services if service.exists]
        for service in present:
            self.add_service(service)
        for service in present:
            self.services[service.name].start()
        for service in present:
            self._launch(self.services[service.name])

    def _token_issuers(self) -> Path:
        from deploy.local import tokens

        return tokens.prepare(self.folder)

    def add_service(
        self, service: service_parts.Service, name: str = "", env: Mapping[str, str] | None = None
    ) -> Child:
        """A process of a service, not started yet; any number of one service under names of their own.

        `env` comes over everything else. The door's port, if the service has one, is in `urls`.
        """
        name = name or service.name
        child_ports = {"ops": self.port(f"{name}-ops")}
        if service.port_setting:
            child_ports["door"] = self.port(name, service.port)
            self.urls = replace(self.urls, **{service.name: f"http://{ports.HOST}:{child_ports['door']}"})
        around = service_parts.Surroundings(
            self.urls.kafka,
            self.options.topic_prefix,
            self.settled.timezone,
            str(self._token_issuers()),
            str(sessions.prepare(self.folder)),
        )
        password = self.settled.passwords[service.role]
        url = postgres_part.with_role(self.urls.database, service.role, password)
        whole = service_parts.service_env(service, around, url, child_ports)
        if self.security:
            whole |= self.security.env(USERS[service.name].name)
        whole |= {**self._tracing, **self.options.env, **(env or {})}
        child = service_parts.child(name, service.module, whole, self.folder.root, self.folder.log(name))
        self.services[name] = child
        return child


def side_by_side(work: list[Callable[[], None]]) -> None:
    """Run steps at the same time; the first error is raised when all have ended."""
    with ThreadPoolExecutor(max(1, len(work))) as pool:
        for future in [pool.submit(step) for step in work]:
            future.result()
