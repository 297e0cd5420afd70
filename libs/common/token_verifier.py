"""Member tokens as a process checks them: with the keys of its issuers, and a memory of those it has verified."""

import hashlib
from collections import OrderedDict
from typing import NamedTuple

from libs.common.caller import MEMBER_SCOPES, Caller
from libs.common.http import Problem
from libs.common.issuers import Issuer, Issuers
from libs.common.jwks import PublicKey
from libs.common.tokens import (
    LEEWAY,
    Claims,
    Token,
    is_current,
    is_meant_for,
    is_signed,
    read_token,
    spend_a_verification,
)

# A signature costs more than everything else about a request. At a few hundred bytes each this is some megabytes.
MOST_REMEMBERED = 10_000


class _Verified(NamedTuple):
    caller: Caller
    issuer: Issuer
    key: PublicKey
    until: float


class TokenVerifier:
    """Verifies the tokens of some issuers."""

    def __init__(self, issuers: Issuers) -> None:
        self.issuers = issuers
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()  # by hash: no token is kept

    async def verify(self, text: str, now: float) -> Caller | None:
        """The member behind a token, `now` in seconds since 1970; None if it is not valid. Problem keys_unavailable."""
        digest = hashlib.sha256(text.encode()).digest()
        return self._recall(digest, now) or await self._verify(text, digest, now)

    def _recall(self, digest: bytes, now: float) -> Caller | None:
        known = self._verified.get(digest)
        if known is None:
            return None
        if now >= known.until or _key_of(known.issuer, known.key.kid) != known.key:
            del self._verified[digest]
            return None
        self._verified.move_to_end(digest)
        return known.caller

    async def _verify(self, text: str, digest: bytes, now: float) -> Caller | None:
        token = read_token(text)
        if token is None:
            spend_a_verification()
            return None
        issuer = self.issuers.get(token.claims.iss)
        key = None if issuer is None else await _find_key(issuer, token.header.kid)
        if not is_signed(token, key) or issuer is None or key is None or not _holds(token, issuer, now):
            return None
        caller = _caller(token.claims, issuer)
        self._remember(digest, _Verified(caller, issuer, key, token.claims.exp + LEEWAY))
        return caller

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        self._verified[digest] = verified
        if len(self._verified) > MOST_REMEMBERED:
            self._verified.popitem(last=False)


def _key_of(issuer: Issuer, kid: str) -> PublicKey | None:
    return (issuer.source.keys or {}).get(kid)


async def _find_key(issuer: Issuer, kid: str) -> PublicKey | None:
    """A key of the issuer, which may be newer than what is known. Problem keys_unavailable if it never had any."""
    key = _key_of(issuer, kid)
    if key is None:
        await issuer.source.look_again()
        key = _key_of(issuer, kid)
    if issuer.source.keys is None:
        raise Problem("keys_unavailable", "The keys of the token's issuer could not be read; try again.")
    return key


def _holds(token: Token, issuer: Issuer, now: float) -> bool:
    return is_current(token.claims, now) and is_meant_for(token.claims, issuer.audience)


def _caller(claims: Claims, issuer: Issuer) -> Caller:
    return Caller(
        id=f"{claims.iss}|{claims.sub}",
        scopes=frozenset(claims.scope.split()).intersection(MEMBER_SCOPES),
        stores=issuer.own(claims.store_ids),
        member_id=claims.sub,
        name=claims.sub,
    )
