"""F11: the disk under Kafka is full: 503, and nothing that was accepted is lost once there is room again."""

import asyncio
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from tests.faults.driver import Shop, a_driver, a_load
from tests.faults.judge import judge, watched
from tests.faults.world import World

DISK = 96 << 20  # bytes: enough for Kafka's own files


def as_root(*argv: str) -> None:
    """Run a command that only root may; without a question asked."""
    sudo = [] if os.getuid() == 0 else [shutil.which("sudo") or "sudo", "-n"]
    done = subprocess.run([*sudo, *argv], capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        pytest.fail(
            f"{' '.join(argv)}: {done.stderr.strip()}. This test mounts a small tmpfs, whose disk it fills: run it as "
            "root, with a sudo that asks no password, or in a container with CAP_SYS_ADMIN."
        )


@contextmanager
def a_small_disk(place: Path) -> Iterator[None]:
    """Put what lies at `place` on a tmpfs of DISK bytes."""
    before = place.rename(place.with_name(f"{place.name}-before"))
    place.mkdir()
    mode = f"size={DISK},uid={os.getuid()},gid={os.getgid()},mode=700"
    as_root("mount", "-t", "tmpfs", "-o", mode, "tmpfs", str(place))
    try:
        shutil.copytree(before, place, dirs_exist_ok=True)
        yield
    finally:
        as_root("umount", "--lazy", str(place))


def fill(disk: Path) -> Path:
    """Take all the room that there is; the file that holds it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(64 << 10))
        except OSError:
            return ballast


async def test_a_full_disk_under_kafka_is_503_and_loses_nothing(frail: tuple[World, Stack]) -> None:
    world, stack = frail
    await asyncio.to_thread(stack.kafka.stop)
    with a_small_disk(stack.folder.kafka):
        await asyncio.to_thread(stack.kafka.restart)
        try:
            await filled_and_freed(world, stack, stack.folder.kafka)
        finally:
            world.stop()
            await asyncio.to_thread(stack.kafka.stop)


async def filled_and_freed(world: World, stack: Stack, disk: Path) -> None:
    world.ingest()
    world.engagement()
    await world.until_ready(*world.children.values())
    world.keep("ingest", "engagement")
    async with watched(world), a_driver(world) as driver, a_load(driver, Shop(random.Random(1))):
        statuses = driver.answers.statuses

        async def answered(status: int, more: int) -> None:
            enough = statuses[status] + more

            async def holds() -> bool:
                return statuses[status] >= enough

            await world.until(f"the door answers {status}", holds)

        async def has_ended() -> bool:
            return not stack.kafka.alive

        await answered(202, 5)
        ballast = fill(disk)
        await answered(503, 5)
        await world.until("Kafka, which cannot write, has ended by itself", has_ended)
        ballast.unlink()
        await asyncio.to_thread(stack.kafka.restart)  # as `qunli up` and every service manager do
        await answered(202, 5)
    await judge(world, driver.answers)
