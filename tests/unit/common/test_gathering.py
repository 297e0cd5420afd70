"""What arrives within a few milliseconds is read together; nothing waits twice, and no failure keeps others waiting."""

import asyncio

import pytest

from libs.common.gathering import Gathering


async def until(read: list[str], expected: list[str]) -> None:
    async with asyncio.timeout(10):
        while read != expected:  # noqa: ASYNC110 - it waits for a timer
            await asyncio.sleep(0.001)


async def test_all_that_waits_is_read_in_one_turn_in_order() -> None:
    gathering, read = Gathering(), list[str]()
    gathering.add(lambda: read.append("a"))
    await asyncio.sleep(0)
    gathering.add(lambda: read.append("b"))
    assert read == []
    gathering.add(lambda: read.append("c"))
    await until(read, ["a", "b", "c"])


async def test_what_comes_while_the_others_are_read_waits_for_the_next_time() -> None:
    gathering, read = Gathering(), list[str]()

    def first() -> None:
        read.append("first")
        gathering.add(lambda: read.append("second"))

    gathering.add(first)
    await until(read, ["first", "second"])


async def test_one_that_fails_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    gathering, read = Gathering(), list[str]()

    def fails() -> None:
        raise RuntimeError("why")

    gathering.add(fails)
    gathering.add(lambda: read.append("next"))
    await until(read, ["next"])
    assert "could not be read" in caplog.text
