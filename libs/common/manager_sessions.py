"""The sessions of managers, as a process keeps them: links made and used, cookies checked, sessions ended."""

import datetime
import secrets
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from libs.common import clock
from libs.common.caller import Caller, SessionScope
from libs.common.config import Settings
from libs.common.errors import UserError
from libs.common.http import Problem
from libs.common.keyring import KeyRing
from libs.common.keys import QUERIES
from libs.common.postgres import DatabaseUnavailable, Pool, acquire
from libs.common.sessions import LOGIN_SECONDS, LONGEST_SECONDS, Login, Session, parse_secrets, read, sign

MOST_REMEMBERED = 4_096  # cookies, so that a signature is verified once; at a kilobyte each this is a few megabytes


class Verified(NamedTuple):
    """A session that stands, and who it is."""

    session: Session
    caller: Caller


class Sessions:
    """The sessions that this deployment's secrets sign. UserError for secrets that do not fit."""

    def __init__(self, settings: Settings, keys: KeyRing, pool: Callable[[], Pool | None]) -> None:
        """`keys`: reads which sessions have ended, too. `pool` gives the pool, once there is one."""
        self._secrets = load_secrets(settings)
        self._keys = keys
        self._pool = pool
        self._seconds = settings.database_acquire_seconds
        self._remembered = lru_cache(MOST_REMEMBERED)(self._read_cookie)

    def make_login(
        self, key: Caller, name: str, stores: tuple[str, ...], scopes: tuple[SessionScope, ...], ttl: int
    ) -> tuple[str, Login]:
        """A link for one use within LOGIN_SECONDS, made with a key that covers all of it. Problem no_session_secret."""
        self._must_sign()
        login = Login(
            id=secrets.token_hex(16),
            key=key.id,
            name=name,
            stores=stores,
            scopes=scopes,
            ttl=ttl,
            exp=_now() + LOGIN_SECONDS,
        )
        return sign(login, self._secrets), login

    async def begin(self, text: str) -> tuple[Session, Caller]:
        """The session of a link that is used now, and never again. Problem unauthenticated, keys_unavailable."""
        self._must_sign()
        now = _now()
        login = read(text, self._secrets, Login, now)
        key = None if login is None else await self._keys.caller_of(login.key)
        if login is None or key is None or not await self._spend("login", login.id, login.exp):
            raise Problem("unauthenticated", "This login link is not valid, or was used: ask for another one.")
        session = login.begin(now, secrets.token_urlsafe(24))
        return session, session.caller(key)

    async def verify(self, cookie: str) -> Verified | None:
        """The session of a cookie; None if it is not valid, or its key is no more. Problem keys_unavailable."""
        session = self._remembered(cookie)
        if session is None or session.exp <= _now():
            return None
        key = await self._keys.caller_of(session.key)
        if key is None or session.id in self._keys.ended:
            return None
        return Verified(session, session.caller(key))

    def cookie(self, session: Session) -> str:
        """What a cookie says."""
        return sign(session, self._secrets)

    def renew(self, session: Session) -> Session | None:
        """The session as of its use now, to be given anew; None: its cookie is young enough."""
        return session.renewed(_now())

    async def end(self, session: Session) -> None:
        """End a session: here at once, in other processes as fast as a key is revoked."""
        await self._spend("session", session.id, _now() + LONGEST_SECONDS)
        self._keys.end_session(session.id)

    def _read_cookie(self, cookie: str) -> Session | None:
        return read(cookie, self._secrets, Session, 0)

    def _must_sign(self) -> None:
        if not self._secrets:
            raise Problem("no_session_secret", "Set QUNLI_SESSION_SECRETS or QUNLI_SESSION_SECRETS_FILE.")

    async def _spend(self, kind: Literal["login", "session"], its_id: str, until: int) -> bool:
        pool = self._pool()
        if pool is None:
            raise DatabaseUnavailable(reason="it has not been reached yet")
        async with acquire(pool, self._seconds) as connection:
            at = datetime.datetime.fromtimestamp(until, datetime.UTC)
            first: bool = await connection.fetchval(QUERIES["spend"], kind, its_id, at)
        return first


def load_secrets(settings: Settings) -> tuple[str, ...]:
    """The secrets of the setting, then those of the file; none: there are no sessions. UserError."""
    given = parse_secrets(settings.session_secrets.get_secret_value(), "QUNLI_SESSION_SECRETS")
    if not (path := settings.session_secrets_file):
        return given
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = f"QUNLI_SESSION_SECRETS_FILE: {path} cannot be read ({type(error).__name__})."
        raise UserError(what, "Name a file with a secret in each line, the one that signs first.") from error
    found = parse_secrets(text, path)
    if not found:
        raise UserError(f"QUNLI_SESSION_SECRETS_FILE: {path} is empty.", "Put a secret of 32 characters or more there.")
    return given + found


def _now() -> int:
    return clock.now_ms() // 1000
