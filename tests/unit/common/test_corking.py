"""Writes of one turn of the loop go out as one, in their order, and none is lost."""

import asyncio

from libs.common.corking import Corked


class Written(asyncio.Transport):
    """A transport that notes what reaches it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def corked() -> tuple[Written, Corked]:
    transport = Written()
    return transport, Corked(transport, asyncio.get_running_loop())


async def test_a_head_and_its_body_are_one_write() -> None:
    transport, cork = corked()
    cork.write(b"head")
    cork.write(b"body")
    assert transport.writes == [b"headbody"]
    await asyncio.sleep(0)
    assert transport.writes == [b"headbody"]


async def test_a_head_without_a_body_goes_out_in_the_next_turn() -> None:
    transport, cork = corked()
    cork.write(b"head")
    assert transport.writes == []
    await asyncio.sleep(0)
    assert transport.writes == [b"head"]


async def test_closing_writes_what_is_held_back() -> None:
    transport, cork = corked()
    cork.write(b"head")
    cork.close()
    assert transport.writes == [b"head"]
    assert cork.is_closing()


async def test_nothing_is_written_to_what_was_cut() -> None:
    transport, cork = corked()
    cork.write(b"head")
    transport.close()
    await asyncio.sleep(0)
    assert transport.writes == []


async def test_what_is_whole_goes_out_at_once_behind_what_is_held_back() -> None:
    transport, cork = corked()
    cork.write_now(b"first")
    assert transport.writes == [b"first"]
    cork.write(b"head")
    cork.write_now(b"answer")
    assert transport.writes == [b"first", b"head", b"answer"]
