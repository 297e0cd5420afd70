"""`make fuzz`: requests of every kind at both doors of a stack of their own; what the log holds is the judge."""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.local import services
from deploy.local.stack import Options, Stack
from libs.common.config import Settings
from libs.common.errors import QunliError
from libs.common.keys import create_key
from tests.fuzz.cases import STORE
from tests.fuzz.run import Found, Target, fuzz
from tests.fuzz.wire import Lie

SERVICES = (services.ENGAGEMENT, services.INGEST, services.GATEWAY)


def main() -> int:
    """Status 0: all held; 1: something did not, and a request that shows it was printed; 2: it could not be tried."""
    asked = _arguments()
    console = Console(highlight=False, soft_wrap=True)
    try:
        return _stand(console, asked.requests, asked.seed)
    except (QunliError, OSError) as error:
        console.print(f"The run could not be finished: {error}", markup=False)
        return 2


def _stand(console: Console, requests: int, seed: int) -> int:
    console.print(f"Seed {seed}. Starting Kafka, Postgres and the services.")
    folder = Path(tempfile.mkdtemp(prefix="qunli-fuzz-"))
    with Stack(folder, Options(services=SERVICES, throwaway=True)) as stack:
        target = _target(stack)
        try:
            found = _run(console, target, requests, seed)
        except Lie as lie:
            _tell(console, target, seed, lie, folder)
            return 1
    shutil.rmtree(folder)
    statuses = ", ".join(f"{name}: {count:,}" for name, count in sorted(found.statuses.items()))
    console.print(
        f"{found.requests:,} requests ({statuses}); {found.events:,} accepted events stand on the log as posted."
    )
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000, help="how many at least")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="the same seed sends the same again")
    return parser.parse_args()


def _target(stack: Stack) -> Target:
    key = create_key(stack.urls.database, "fuzz", ("events:write",), [STORE])
    settings = Settings(kafka_bootstrap=stack.urls.kafka, timezone=stack.settled.timezone)
    return Target(stack.urls.ingest, stack.urls.gateway, settings, key, stack.server_key)


def _run(console: Console, target: Target, requests: int, seed: int) -> Found:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("requests", total=requests)
        return fuzz(target, requests, seed, lambda sent, _: progress.update(task, completed=sent))


def _tell(console: Console, target: Target, seed: int, lie: Lie, folder: Path) -> None:
    console.print(f"Does not hold: {lie}", markup=False)
    if lie.request:
        url = (
            target.gateway if lie.request.method == b"GET" and b"/v1/days" not in lie.request.target else target.ingest
        )
        console.print(f"A request that shows it, as small as it was found:\n{lie.request.as_curl(url)}", markup=False)
    console.print(f'Again: make fuzz FUZZ_ARGS="--seed {seed}"   Logs of the services: {folder}', markup=False)


if __name__ == "__main__":
    sys.exit(main())
