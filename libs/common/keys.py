"""Server keys, `qk_<id>_<secret>`: how one is written, and how an operator makes, lists, rotates and revokes them.

Postgres keeps the id and the secret's SHA-256. A secret has 256 random bits, so a plain hash is enough.
"""

import datetime
import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import class_row, tuple_row

from libs.common.caller import ALL_STORES, SCOPES
from libs.common.errors import UserError
from libs.common.postgres import load_queries

QUERIES = load_queries(Path(__file__).parent, "keys.sql")

_BEARER = re.compile(r"[Bb]earer +qk_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")
_STORE = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class Presented(NamedTuple):
    """A key as a caller presents it."""

    id: str
    secret_sha256: bytes


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as an operator sees it."""

    id: str
    name: str
    scopes: list[str]
    stores: list[str]
    created_at: datetime.datetime
    revoked_at: datetime.datetime | None
    last_used_at: datetime.datetime | None
    rotating: bool


def parse_bearer(authorization: str | None) -> Presented | None:
    """The key in an `Authorization` header; None if there is none of this form."""
    match = _BEARER.fullmatch(authorization or "")
    return Presented(match[1], hash_secret(match[2])) if match else None


def hash_secret(secret: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def create_key(admin_url: str, name: str, scopes: Iterable[str], stores: Iterable[str]) -> str:
    """Make a key and give its text, which can be read nowhere afterwards. `stores`: {"*"} is every store."""
    chosen, touched = sorted(set(scopes)), sorted(set(stores))
    check_rights(chosen, touched)
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    _run(admin_url, "insert_key", key_id, name, hash_secret(secret), chosen, touched)
    return f"qk_{key_id}_{secret}"


def list_keys(admin_url: str) -> list[KeyRow]:
    """All keys, the revoked ones too, oldest first."""
    with _connect(admin_url) as connection, connection.cursor(row_factory=class_row(KeyRow)) as cursor:
        return cursor.execute(QUERIES["list_keys"]).fetchall()


def revoke_key(admin_url: str, key_id: str) -> None:
    """End a key; within `key_cache_seconds` every process refuses it."""
    if not _run(admin_url, "revoke_key", key_id):
        raise _no_such(key_id, "active")


def begin_rotation(admin_url: str, key_id: str) -> str:
    """Give a key a second secret beside its first: the new key text. Both are valid until `end_rotation`."""
    secret = secrets.token_urlsafe(32)
    if not _run(admin_url, "begin_rotation", key_id, hash_secret(secret)):
        raise _no_such(key_id, "active and not in rotation")
    return f"qk_{key_id}_{secret}"


def end_rotation(admin_url: str, key_id: str) -> None:
    """End the first secret of a key in rotation."""
    if not _run(admin_url, "end_rotation", key_id):
        raise _no_such(key_id, "in rotation")


def check_rights(scopes: Sequence[str], stores: Sequence[str]) -> None:
    """UserError where a key with these scopes and stores could open nothing, or something that is not there."""
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        raise UserError(f"There is no scope {unknown[0]!r}.", f"Choose of {', '.join(SCOPES)}.")
    if not scopes:
        raise UserError("A key needs a scope.", f"Choose of {', '.join(SCOPES)}.")
    if not stores or not all(store == ALL_STORES or _STORE.fullmatch(store) for store in stores):
        raise UserError("A key needs stores.", "Name their ids, or * for every store.")


def _no_such(key_id: str, state: str) -> UserError:
    return UserError(f"There is no key {key_id} that is {state}.", "See `qunli keys list`.")


@contextmanager
def _connect(admin_url: str) -> Iterator[psycopg.Connection[Any]]:
    try:
        with psycopg.connect(admin_url, connect_timeout=10, cursor_factory=psycopg.RawCursor) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise UserError("The database does not answer.", "Is the stack up? `qunli status` tells.") from error


def _run(admin_url: str, query: str, *values: object) -> bool:
    """Run a query; whether it touched a row."""
    with _connect(admin_url) as connection, connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(QUERIES[query], values).rowcount > 0
