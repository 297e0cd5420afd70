"""Streams of the same scope share their frames: each is kept once, and each stream knows how far it has read."""

from typing import Protocol

from services.gateway.live_scope import Scope

QUEUE_BYTES = 1 << 20  # that may wait for a stream to be read
CHUNK_BYTES = 64 << 10  # that are handed to a connection at a time: what it holds itself, unread


class Member(Protocol):
    """A stream. `cursor`: the number of the next frame that it takes."""

    cursor: int

    def wake(self) -> None:
        """There is something for it."""


class Audience:
    """The frames of a scope that are not read by all yet, numbered from `first` on."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.members: set[Member] = set()
        self.first = 0
        self._frames: list[bytes] = []
        self._bytes = 0
        self._joined: tuple[int, int, bytes] = (0, 0, b"")

    @property
    def end(self) -> int:
        """The number that the next frame will have."""
        return self.first + len(self._frames)

    def add(self, frame: bytes) -> None:
        """One more for all members."""
        self._frames.append(frame)
        self._bytes += len(frame)
        if self._bytes > QUEUE_BYTES:
            self.trim()
            self._drop(self._too_many())
        for member in self.members:
            member.wake()

    def take(self, cursor: int) -> tuple[int, bytes]:
        """Frames from a cursor on, which is not below `first`, about CHUNK_BYTES at most; and the cursor after them."""
        begin, end, joined = self._joined
        if begin != cursor or (end < self.end and len(joined) < CHUNK_BYTES):
            end = self._chunk_end(cursor)
            joined = b"".join(self._frames[cursor - self.first : end - self.first])
            self._joined = (cursor, end, joined)
        return end, joined

    def trim(self) -> None:
        """Let go of what all have read."""
        self._drop(min((member.cursor for member in self.members), default=self.end) - self.first)

    def _chunk_end(self, cursor: int) -> int:
        size = 0
        for at in range(cursor - self.first, len(self._frames)):
            size += len(self._frames[at])
            if size >= CHUNK_BYTES:
                return self.first + at + 1
        return self.end

    def _too_many(self) -> int:
        over, number = self._bytes - QUEUE_BYTES, 0
        while over > 0:
            over -= len(self._frames[number])
            number += 1
        return number

    def _drop(self, number: int) -> None:
        if number > 0:
            self._bytes -= sum(map(len, self._frames[:number]))
            del self._frames[:number]
            self.first += number


class Audiences:
    """All audiences, by whom a store's entries concern."""

    def __init__(self) -> None:
        self._all: dict[Scope, Audience] = {}
        self._by_store: dict[str, set[Audience]] = {}
        self._of_all_stores: set[Audience] = set()

    def join(self, member: Member, scope: Scope) -> Audience:
        """Have a stream told from now on."""
        audience = self._all.get(scope) or self._open(scope)
        audience.members.add(member)
        member.cursor = audience.end
        return audience

    def leave(self, member: Member, audience: Audience) -> None:
        """The end of it."""
        audience.members.discard(member)
        if not audience.members and audience.scope in self._all:
            del self._all[audience.scope]
            self._of_all_stores.discard(audience)
            for store in audience.scope.stores or ():
                self._by_store[store].discard(audience)
                if not self._by_store[store]:
                    del self._by_store[store]

    def of(self, store: str | None) -> list[Audience]:
        """Those that an entry of a store concerns; None: of whatever store."""
        if store is None:
            return list(self._all.values())
        return [*self._of_all_stores, *self._by_store.get(store, ())]

    def tidy(self) -> None:
        """Let go of what has been read."""
        for audience in self._all.values():
            audience.trim()

    def _open(self, scope: Scope) -> Audience:
        audience = self._all[scope] = Audience(scope)
        if scope.stores is None:
            self._of_all_stores.add(audience)
        for store in scope.stores or ():
            self._by_store.setdefault(store, set()).add(audience)
        return audience
