"""What is written to a connection in one turn of the loop goes out as one: an answer's head and body are two writes.

Each write is a system call, a packet, and a wake-up of whoever reads: a tenth of what a small request costs in all.
"""

import asyncio


class Corked:
    """As much of a transport as an answer needs. The second write of a turn takes the first along."""

    __slots__ = ("_held", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes) -> None:
        """Write now what is held back and this; or hold it back until the loop's next turn."""
        if self._held:
            data, self._held = self._held + data, b""
            self._transport.write(data)
        else:
            self._held = data
            self._loop.call_soon(self.flush)

    def write_now(self, data: bytes) -> None:
        """Write what is held back and this: an answer that is whole waits for nothing."""
        self.flush()
        self._transport.write(data)

    def flush(self) -> None:
        """Write what is held back, unless the connection has been cut meanwhile."""
        if self._held:
            data, self._held = self._held, b""
            if not self._transport.is_closing():
                self._transport.write(data)

    def close(self) -> None:
        """Close, everything written."""
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether it closes or is closed."""
        return self._transport.is_closing()
