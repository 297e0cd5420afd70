"""`python -m services.gateway`: one gateway process, until SIGTERM."""

import asyncio
import contextlib
import logging

import asyncpg

from libs.common import http, ops, serving
from libs.common.config import Settings, settings
from libs.common.errors import QunliError
from libs.common.kafka import LogUnavailable, probe_log
from libs.common.keyring import KeyRing
from libs.common.topics import MEMBER_EVENTS
from services.gateway.app import make_app
from services.gateway.gateway import RETRY_SECONDS, Gateway

log = logging.getLogger(__name__)


async def main(configured: Settings) -> None:
    """Serve the gateway. UserError if a port cannot be had."""
    gateway = Gateway(configured)
    keys = KeyRing(configured, gateway.maybe_pool)
    listening = serving.bind(configured.host, configured.gateway_port, "QUNLI_GATEWAY_PORT")
    started, draining = asyncio.Event(), asyncio.Event()

    def fault() -> ops.Fault:
        if draining.is_set():
            return "draining"
        return None if started.is_set() else "waiting for the database: its views, or the keys"

    checks = ops.OpsChecks(
        ready=fault, dependencies={"database": lambda: _database(gateway), "log": lambda: _log(configured)}
    )
    starting = asyncio.create_task(_start(gateway, keys, started))
    try:
        async with ops.serve(configured, checks):
            await serving.serve(http.doorway(make_app(gateway, keys)), listening, draining.set)
    finally:
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting
        await keys.close()
        await gateway.close()


async def _start(gateway: Gateway, keys: KeyRing, started: asyncio.Event) -> None:
    """Connect, see that the published views are there, load the keys; as often as it takes."""
    await gateway.connect()
    while not started.is_set():
        try:
            await gateway.positions()
            await keys.refresh()
            started.set()
        except (QunliError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            log.warning("not ready: %s", error)
            await asyncio.sleep(RETRY_SECONDS)


async def _database(gateway: Gateway) -> ops.Fault:
    try:
        await gateway.positions()
    except (QunliError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        return str(error) or type(error).__name__
    return None


async def _log(configured: Settings) -> ops.Fault:
    try:
        await probe_log(configured, MEMBER_EVENTS)
    except LogUnavailable as error:
        return str(error)
    return None


if __name__ == "__main__":
    serving.run(main(settings()))
