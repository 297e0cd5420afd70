"""Solves one plan, in a process of its own: `python -m services.segmentation.solve STORE PLAN ATTEMPT`.

It reads the store from the tables as one transaction sees it, and writes the parts of the answer to its output, one a
line. The processor's loop goes on meanwhile: nothing here uses its time, or more memory than it may.
"""

import asyncio
import ctypes
import logging
import os
import resource
import signal
import sys
from errno import ENOMEM
from importlib.metadata import version
from pathlib import Path

import asyncpg

from libs.common import logs
from libs.common.config import Settings, settings
from libs.common.events import encode
from libs.common.topics import SEGMENTATION_GROUP, STORE_FEED, partition_of
from services.segmentation.domain.solving import Asked, solve
from services.segmentation.domain.store import Store
from services.segmentation.exits import Exit
from services.segmentation.store import Q, load_store

log = logging.getLogger("solver")

PR_SET_PDEATHSIG = 1
LOWEST = 19
# It decodes rows at the lowest priority: longer between two statements than a processor's step may be.
TIMEOUTS = {"statement_timeout": "60s", "idle_in_transaction_session_timeout": "60s", "transaction_timeout": "300s"}


class NotAsked(Exception):
    """The plan is asked for no longer, or the store is under long work."""


def bind(configured: Settings, parent: int) -> None:
    """Let this process take little: the lowest priority, so much memory and time, and no life without its parent."""
    os.nice(LOWEST)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        sys.exit(Exit.ORPHAN)
    most = configured.solver_memory_mb << 20
    if _address_space() >= most:  # nothing could be allocated any more, and what fails then may look like anything
        sys.exit(Exit.MEMORY)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _address_space() -> int:
    """Bytes of address space in use; 0 where the system does not tell."""
    told = Path("/proc/self/statm")
    return int(told.read_text().split()[0]) * resource.getpagesize() if told.exists() else 0


async def read(configured: Settings, store_id: str, plan_id: str) -> tuple[Store, int]:
    """The store, and the offset of the last record applied to it. NotAsked."""
    connection = await asyncpg.connect(
        configured.database_address,
        timeout=10,
        server_settings={"application_name": "qunli-solver", "search_path": "segmentation", **TIMEOUTS},
    )
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            topic, partition = configured.topic_name(STORE_FEED), partition_of(store_id, STORE_FEED.partitions)
            next_offset = await connection.fetchval(Q["next_offset"], SEGMENTATION_GROUP, topic, partition)
            store = await load_store(connection, store_id)
    finally:
        await connection.close(timeout=5)
    if store.head.request != plan_id or store.head.job is not None:
        raise NotAsked
    return store, next_offset - 1


def answer(configured: Settings, store_id: str, plan_id: str, attempt: str) -> None:
    """Write the answer's parts."""
    store, solved_at = asyncio.run(read(configured, store_id, plan_id))
    library = f"ortools {version('ortools')}"
    asked = Asked(plan_id, attempt, store.plans[plan_id].mode, solved_at, library)
    parts, wrong = solve(store, asked)
    for fault in wrong[:20]:
        log.error("plan %s: %s", plan_id, fault)
    for part in parts:
        sys.stdout.buffer.write(encode(part) + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    """Exits with what became of it."""
    parent, *what = sys.argv[1:]
    configured = settings()
    logs.configure(configured, "segmentation", level=logging.WARNING)
    bind(configured, int(parent))
    try:
        answer(configured, *what)
    except NotAsked:
        sys.exit(Exit.NOT_ASKED)
    except MemoryError:
        sys.exit(Exit.MEMORY)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        if isinstance(error, OSError) and error.errno == ENOMEM:
            sys.exit(Exit.MEMORY)
        log.warning("the store cannot be read: %s", error or type(error).__name__)
        sys.exit(Exit.NO_DATABASE)


if __name__ == "__main__":
    main()
