"""Requests as bytes, sent over a plain socket: HTTP clients would refuse to send many of them."""

import contextlib
import http.client
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from libs.common import clock
from libs.common.connections import MAX_MESSAGE

Headers = tuple[tuple[bytes, bytes], ...]

PATIENCE_SECONDS = 30.0  # longer than any answer may take
IDLE_SECONDS = 2.0  # a connection that was idle for longer may just be being closed by the other side


class Lie(AssertionError):
    """What must hold and does not; `request` shows it, as small as it was found."""

    def __init__(self, what: str, request: "Request | None" = None) -> None:
        super().__init__(what)
        self.request = request


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `chunk`: the body goes in chunks of so many bytes; 0: with a Content-Length."""

    method: bytes
    target: bytes
    headers: Headers = ()
    body: bytes = b""
    chunk: int = 0

    def header(self, name: bytes) -> bytes | None:
        """The last header of this name, as ASGI's dictionary of them has it."""
        found = [value for given, value in self.headers if given.lower() == name]
        return found[-1].strip(b" \t") if found else None

    def split(self, host: bytes) -> tuple[bytes, bytes]:
        """The request as it goes over the wire: its head, and the rest."""
        length = b"Transfer-Encoding: chunked" if self.chunk else b"Content-Length: %d" % len(self.body)
        lines = [b"%b %b HTTP/1.1" % (self.method, self.target), b"Host: %b" % host, length]
        lines += [b"%b: %b" % pair for pair in self.headers]
        return b"\r\n".join(lines) + b"\r\n\r\n", self._chunks() if self.chunk else self.body

    def _chunks(self) -> bytes:
        parts = [self.body[at : at + self.chunk] for at in range(0, len(self.body), self.chunk)]
        return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"

    def as_curl(self, url: str) -> str:
        """A line for a shell that sends the same; keys are written as $QUNLI_KEY."""
        chunked = ((b"Transfer-Encoding", b"chunked"),) if self.chunk else ()
        named = {name.lower() for name, _ in self.headers}
        unset = ((b"Content-Type", b""),) if b"content-type" not in named else ()  # curl would add its own
        given = " ".join(_header_option(pair) for pair in (*self.headers, *chunked, *unset))
        call = f"curl -i -X {self.method.decode()} {given} --path-as-is {_ansi(url.encode() + self.target)}"
        if not self.body:
            return call
        return f"printf '{_printf(self.body)}' | {call} --data-binary @-"


def _header_option(pair: tuple[bytes, bytes]) -> str:
    name, value = pair
    if re.match(rb"Bearer qk_", value):
        return f'-H "{name.decode("latin-1")}: Bearer $QUNLI_KEY"'
    return f"-H {_ansi(b'%b: %b' % pair if value else b'%b%b' % (name, b':'))}"


def _ansi(text: bytes) -> str:
    shown = "".join(chr(b) if 32 <= b < 127 and b not in b"'\\" else f"\\x{b:02x}" for b in text)
    return f"$'{shown}'"


def _printf(text: bytes) -> str:
    return "".join(chr(b) if 32 <= b < 127 and b not in b"'\\%" else f"\\{b:03o}" for b in text)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `seconds`: from the last byte sent to the last one received."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def header(self, name: str) -> str:
        """A header by its name in small letters; "" if it is absent."""
        return self.headers.get(name, "")


class Connection:
    """A kept connection to one door. It never sends a request twice: a cut is for the caller to judge."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = url
        self._host, self._port = parts.hostname or "", parts.port or 80
        self.host = f"{self._host}:{self._port}".encode()
        self._socket: socket.socket | None = None
        self._used_at = 0.0

    def send(self, request: Request) -> Answer:
        """The answer to a request. Lie if none comes."""
        if self._socket is None or clock.monotonic() - self._used_at > IDLE_SECONDS:
            self.close()
            self._socket = socket.create_connection((self._host, self._port), PATIENCE_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            return self._exchange(self._socket, request)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Lie(f"there is no answer: {error or type(error).__name__}", request) from error

    def send_raw(self, whole: bytes) -> bytes:
        """All that comes back, until the other side closes, for bytes that may be no request at all."""
        with socket.create_connection((self._host, self._port), PATIENCE_SECONDS) as connected:
            with contextlib.suppress(ConnectionError):  # closed on us before we were done
                connected.sendall(whole)
            with contextlib.suppress(OSError):  # "not connected", by then
                connected.shutdown(socket.SHUT_WR)
            found = bytearray()
            with contextlib.suppress(ConnectionError):
                while part := connected.recv(1 << 16):
                    found += part
            return bytes(found)

    def _exchange(self, connected: socket.socket, request: Request) -> Answer:
        whole = b"".join(request.split(self.host))
        with contextlib.suppress(ConnectionError):  # refused before its end was read: the answer may still be there
            connected.sendall(whole)
        began = clock.monotonic()
        with http.client.HTTPResponse(connected, method=request.method.decode()) as answer:
            answer.begin()
            body = answer.read()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            # A refusal may come before its request's body has, and what is left of a very long one ends the connection.
            closing = answer.will_close or len(whole) > MAX_MESSAGE
        self._used_at = clock.monotonic()
        if closing:
            self.close()
        return Answer(answer.status, headers, body, self._used_at - began)

    def close(self) -> None:
        """Close it; the next request opens another."""
        if self._socket:
            self._socket.close()
            self._socket = None
