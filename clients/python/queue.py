"""What waits to be sent, oldest first, in a file of SQLite: it survives the end of the process and a power cut."""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple

TABLE = "CREATE TABLE IF NOT EXISTS event (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, body BLOB NOT NULL)"
BUSY_SECONDS = 10.0  # how long another process may hold the file


class Waiting(NamedTuple):
    """An event that waits: `body` is its JSON."""

    seq: int
    id: str
    body: bytes


class Queue:
    """At most `limit` events. Threads and processes may share a file: an event may then go twice, none is lost."""

    def __init__(self, path: str | Path, limit: int) -> None:
        self._limit = limit
        self._lock = Lock()
        self._database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")  # tills are switched off at the plug
        self._database.execute(TABLE)

    def add(self, event_id: str, body: bytes) -> int:
        """Keep an event; when this returns it is on disk. How many of the oldest had to go for it."""
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("INSERT INTO event (id, body) VALUES (?, ?)", (event_id, body))
            return self._drop_oldest() if self._span() > self._limit else 0

    def oldest(self, most: int, max_bytes: int) -> list[Waiting]:
        """At most so many, in a JSON array of at most so many bytes; the first goes even if it is larger."""
        with self._lock:
            rows = self._database.execute("SELECT seq, id, body FROM event ORDER BY seq LIMIT ?", (most,)).fetchall()
        return _fitting([Waiting(*row) for row in rows], max_bytes)

    def remove(self, events: Iterable[Waiting]) -> None:
        """Forget events whose fate is known."""
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("DELETE FROM event WHERE seq = ?", [(event.seq,) for event in events])

    def __len__(self) -> int:
        with self._lock:
            return self._number("SELECT count(*) FROM event")

    def is_empty(self) -> bool:
        """Whether nothing waits."""
        with self._lock:
            return self._span() == 0

    def _span(self) -> int:
        """At least as many as wait; more, where some between them are gone. Cheap, unlike counting."""
        return self._number("SELECT coalesce((SELECT max(seq) FROM event) - (SELECT min(seq) FROM event) + 1, 0)")

    def _drop_oldest(self) -> int:
        over = max(0, self._number("SELECT count(*) FROM event") - self._limit)
        self._database.execute("DELETE FROM event WHERE seq IN (SELECT seq FROM event ORDER BY seq LIMIT ?)", (over,))
        return over

    def _number(self, query: str) -> int:
        (number,) = self._database.execute(query).fetchone()
        return int(number)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()


def _fitting(events: Sequence[Waiting], max_bytes: int) -> list[Waiting]:
    fitting: list[Waiting] = []
    size = 1  # [ ] and commas: one byte more than there are events
    for event in events:
        size += len(event.body) + 1
        if fitting and size > max_bytes:
            break
        fitting.append(event)
    return fitting
