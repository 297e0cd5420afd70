"""Member tokens: JWTs that a retailer's backend gives a member for its own data. Pure: keys and time are given.

A token is read first, in a bounded form; then its signature is verified with the key that its issuer has under its
`kid`, by that key's algorithm; then its claims are held against the time and the issuer.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated

import jwt
import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from libs.common.events import Id
from libs.common.jwks import LONGEST_KID, Algorithm, PublicKey, decoy

MAX_TOKEN = 4096  # characters; ten times what a token of one store has
MOST_STORES = 32
SIGNATURE = 86  # characters of the 64 bytes that both algorithms have
LIFETIME = 15 * 60  # seconds from `iat` to `exp`, or from now where there is no `iat`
LEEWAY = 60  # seconds that two clocks may differ

_Name = Annotated[str, Meta(min_length=1, max_length=512)]
_Seconds = Annotated[int, Meta(ge=0, le=2**40)] | Annotated[float, Meta(ge=0, le=2.0**40)]


class Header(Struct, frozen=True):
    """What is needed of a token's header. Keys that it brings along (`jwk`, `jku`, `x5u`) are not looked at."""

    alg: Algorithm
    kid: Annotated[str, Meta(min_length=1, max_length=LONGEST_KID)]
    crit: None = None  # extensions that must be understood: there are none


class Claims(Struct, frozen=True):
    """The claims; others are not looked at. `scope`: words, as RFC 9068 has them."""

    iss: _Name
    sub: Id
    aud: _Name | Annotated[tuple[_Name, ...], Meta(max_length=16)]
    exp: _Seconds
    store_ids: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=MOST_STORES)]
    scope: Annotated[str, Meta(max_length=512)]
    iat: _Seconds | UnsetType = UNSET
    nbf: _Seconds | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Token:
    """A token that can be read; nothing is known yet of its being true."""

    text: str
    header: Header
    claims: Claims


_jws = jwt.PyJWS(algorithms=["EdDSA", "ES256"])
_read_header = msgspec.json.Decoder(Header).decode
_read_claims = msgspec.json.Decoder(Claims).decode


def is_id(text: str) -> bool:
    """Whether it may be the id of a member or a store."""
    try:
        msgspec.convert(text, Id)
    except msgspec.ValidationError:
        return False
    return True


def read_token(text: str) -> Token | None:
    """A token of the right form; None for any other text."""
    parts = text.split(".") if len(text) <= MAX_TOKEN else []
    if len(parts) != 3 or len(parts[2]) != SIGNATURE:
        return None
    try:
        return Token(text, _read_header(_from_base64(parts[0])), _read_claims(_from_base64(parts[1])))
    except (ValueError, RecursionError):
        return None


def _from_base64(part: str) -> bytes:
    if "=" in part:
        raise binascii.Error("RFC 7515 has no padding")
    return base64.urlsafe_b64decode(part.encode("ascii") + b"=" * (-len(part) % 4))


def is_signed(token: Token, key: PublicKey | None) -> bool:
    """Whether this key signed it. None, and a key of another algorithm, cost as much as one that did not."""
    fits = key is not None and key.algorithm == token.header.alg
    verifier = key if key is not None and fits else decoy(token.header.alg)
    return _verify(token.text, verifier) and fits


def spend_a_verification() -> None:
    """What `is_signed` costs, for a text that is no token."""
    _verify(_NO_TOKEN, decoy("EdDSA"))


_NO_TOKEN = f"eyJhbGciOiJFZERTQSJ9.e30.{'A' * SIGNATURE}"  # {"alg": "EdDSA"}, {}, and a signature of zeros


def _verify(text: str, key: PublicKey) -> bool:
    try:
        _jws.decode_complete(text, key.verifier, algorithms=[key.algorithm])
    except jwt.PyJWTError:
        return False
    return True


def is_current(claims: Claims, now: float) -> bool:
    """Whether it is meant for now, in seconds since 1970, and lives no longer than it may."""
    begins = max(now if claims.iat is UNSET else claims.iat, now if claims.nbf is UNSET else claims.nbf)
    ends = LIFETIME + (now + LEEWAY if claims.iat is UNSET else claims.iat)
    return begins <= now + LEEWAY and now < claims.exp + LEEWAY and claims.exp <= ends


def is_meant_for(claims: Claims, audience: str) -> bool:
    """Whether this audience is among the token's."""
    return audience == claims.aud if isinstance(claims.aud, str) else audience in claims.aud
