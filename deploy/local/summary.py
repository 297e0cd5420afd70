"""What a person wants to know of a running stack."""

from datetime import timedelta

import psutil
from rich.table import Table

from deploy.local import folder as folders
from deploy.local.command_line import print_line
from deploy.local.folder import Folder, Running, Settled
from deploy.local.ports import HOST


def addresses(settled: Settled) -> dict[str, str]:
    """Name -> where it listens, for the parts of a stack that other programs talk to. No secret in it."""
    ports = settled.ports
    doors = {name: f"http://{HOST}:{ports[name]}" for name in ("ingest", "gateway") if name in ports}
    own = {"kafka": f"{HOST}:{ports['kafka']}"} if "kafka" in ports else {}
    if "postgres" in ports:
        own["postgres"] = f"postgresql://qunli@{HOST}:{ports['postgres']}/qunli"
    if "zipkin" in ports:
        own["zipkin"] = f"http://{HOST}:{ports['zipkin']}/zipkin"
    return doors | own


def print_summary(folder: Folder, settled: Settled) -> None:
    """Where everything is, and how to use it."""
    running = {child.name for child in folders.read_run(folder).children}
    print_line(f"Qunli is up. Its data is in {folder.root}")
    for name, address in addresses(settled).items():
        if name in running:
            print_line(f"  {name:9} {address}")
    if settled.server_key and "ingest" in running:
        print_line('To call both doors:  eval "$(qunli env)"  sets their addresses and a key, then')
        print_line('  curl -H "Authorization: Bearer $QUNLI_KEY" $QUNLI_GATEWAY/v1/stores')
    if settled.server_key and "gateway" in running:
        print_line("To open the console:  qunli console  prints a link that logs in once")


def status_table(children: tuple[Running, ...], settled: Settled) -> Table:
    """One row per process."""
    table = Table(box=None, pad_edge=False)
    for title in ("part", "state", "pid", "address", "up for", "memory", "restarts"):
        table.add_column(title, justify="right" if title in {"pid", "up for", "memory", "restarts"} else "left")
    where = addresses(settled)
    for child in children:
        table.add_row(*_row(child, where.get(child.name, "").rpartition("@")[2]))
    return table


def _row(child: Running, address: str) -> tuple[str, ...]:
    try:
        process = psutil.Process(child.pid)
        memory = f"{process.memory_info().rss >> 20} MB"
        lived = str(timedelta(seconds=round(_seconds_alive(process))))
    except psutil.NoSuchProcess:
        return (child.name, "[red]down[/red]", "", address, "", "", str(child.restarts))
    return (child.name, "up", str(child.pid), address, lived, memory, str(child.restarts))


def _seconds_alive(process: psutil.Process) -> float:
    from libs.common.clock import now_ms

    return float(now_ms() / 1000 - process.create_time())
