"""Start the stack: Kafka, Postgres and the services. Ctrl-C stops it."""

import os
from pathlib import Path
from typing import Annotated

import typer

from deploy.local import background, supervisor
from deploy.local import folder as folders
from deploy.local.command_line import Data, fetch_jars, fetch_postgres, fetch_zipkin, new_app, print_line, working
from deploy.local.reach import given_database
from deploy.local.services import SERVICES
from deploy.local.stack import Options, Stack
from deploy.local.summary import print_summary

app = new_app()

Port = Annotated[int | None, typer.Option(min=1, max=65535, help="A fixed port; else a free one is chosen.")]
IngestPort = Annotated[int | None, typer.Option(min=1, max=65535, envvar="QUNLI_INGEST_PORT", help="8080 if free.")]
GatewayPort = Annotated[int | None, typer.Option(min=1, max=65535, envvar="QUNLI_GATEWAY_PORT", help="8081 if free.")]


@app.command()
def up(
    data: Data = folders.DEFAULT,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Leave it running in the background.")] = False,
    bare: Annotated[bool, typer.Option("--bare", help="Only Kafka and Postgres, no services.")] = False,
    secure: Annotated[bool, typer.Option("--secure", help="Kafka and Postgres by TLS alone, with users.")] = False,
    clock: Annotated[bool, typer.Option("--clock/--no-clock", help="Close each day after local midnight.")] = True,
    traces: Annotated[bool, typer.Option("--traces", help="With Zipkin, where every request is seen.")] = False,
    ingest_port: IngestPort = None,
    gateway_port: GatewayPort = None,
    kafka_port: Port = None,
    postgres_port: Port = None,
) -> None:
    """Start the stack: Kafka, Postgres and the services. Ctrl-C stops it; its data stays.

    QUNLI_KAFKA_BOOTSTRAP or QUNLI_DATABASE_URL (as the database's owner) in the environment: that one is used.
    """
    fixed = {"ingest": ingest_port, "gateway": gateway_port, "kafka": kafka_port, "postgres": postgres_port}
    ports = {name: port for name, port in fixed.items() if port}
    if not os.environ.get("QUNLI_KAFKA_BOOTSTRAP"):
        fetch_jars()
    if traces:
        fetch_zipkin()
    if secure:
        fetch_postgres()
    if detach:
        switches = {"--bare": bare, "--secure": secure, "--no-clock": not clock, "--traces": traces}
        _in_background(data, ports, [name for name, given in switches.items() if given])
    else:
        options = _options(ports, bare=bare, secure=secure, traces=traces)
        supervisor.run(data, options, clock=clock, when_up=_when_up)


def _options(ports: dict[str, int], *, bare: bool, secure: bool, traces: bool) -> Options:
    environment = os.environ
    return Options(
        services=() if bare else SERVICES,
        timezone=environment.get("QUNLI_TIMEZONE") or None,
        ports=ports,
        kafka_bootstrap=environment.get("QUNLI_KAFKA_BOOTSTRAP") or None,
        database_url=given_database(),
        topic_prefix=environment.get("QUNLI_TOPIC_PREFIX", ""),
        secure=secure,
        traces=traces,
    )


def _when_up(stack: Stack) -> None:
    print_summary(stack.folder, stack.settled)
    print_line("Ctrl-C stops it.")


def _in_background(data: Path, ports: dict[str, int], switches: list[str]) -> None:
    folder = folders.folder_at(data)
    fixed = [part for name, port in ports.items() for part in (f"--{name}-port", str(port))]
    with working("Starting") as show:
        background.start(folder, [*switches, *fixed], lambda step: show(f"Starting: {step}"), bound=False)
    settled = folders.read_settled(folder)
    if settled:
        print_summary(folder, settled)
    print_line("`qunli down` stops it, `qunli status` and `qunli logs` show it.")
