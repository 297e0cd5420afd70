"""Sets of public keys (JWKS, RFC 7517), as a retailer publishes those that its member tokens are signed with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, NamedTuple

import jwt
import msgspec
from msgspec import UNSET, Struct, UnsetType

Algorithm = Literal["EdDSA", "ES256"]
# The kind of a key decides its algorithm; what a token's header says is only compared with it.
_ALGORITHMS: Mapping[tuple[str, str], Algorithm] = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256"}
LONGEST_KID = 128
MOST_KEYS = 64


class _Jwk(Struct, frozen=True):
    kid: str
    kty: str
    crv: str
    x: str
    y: str | UnsetType = UNSET
    alg: str | UnsetType = UNSET
    use: str | UnsetType = UNSET
    key_ops: tuple[str, ...] | UnsetType = UNSET


class _Set(Struct, frozen=True):
    keys: tuple[msgspec.Raw, ...]


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies; two with the same numbers under the same id are the same."""

    kid: str
    algorithm: Algorithm
    x: str
    y: str
    verifier: jwt.PyJWK = field(compare=False, repr=False)


class KeySet(NamedTuple):
    """Keys by id, and how many others stood in the set."""

    keys: Mapping[str, PublicKey]
    ignored: int


class BadKeySet(ValueError):
    """The document is no JWKS."""


def parse_jwks(document: bytes) -> KeySet:
    """The keys of a set that can verify a member token. BadKeySet if it is none.

    Keys of other kinds, for other uses, and those whose id another has already are counted, not refused: a
    retailer's set may serve others as well.
    """
    try:
        found = msgspec.json.decode(document, type=_Set).keys
    except (ValueError, RecursionError) as error:
        raise BadKeySet(str(error)) from error
    if len(found) > MOST_KEYS:
        raise BadKeySet(f"it has more than {MOST_KEYS} keys")
    keys: dict[str, PublicKey] = {}
    for raw in found:
        key = _public_key(raw)
        if key is not None:
            keys.setdefault(key.kid, key)
    return KeySet(keys, len(found) - len(keys))


def _public_key(raw: msgspec.Raw) -> PublicKey | None:
    try:
        jwk = msgspec.json.decode(raw, type=_Jwk)
    except (ValueError, RecursionError):
        return None
    algorithm = _ALGORITHMS.get((jwk.kty, jwk.crv))
    if algorithm is None or not _is_for_tokens(jwk, algorithm) or not 1 <= len(jwk.kid) <= LONGEST_KID:
        return None
    # Only the public numbers are taken: a set that gives its private ones away does not make us hold them.
    public = {"kty": jwk.kty, "crv": jwk.crv, "x": jwk.x, **({"y": jwk.y} if jwk.y is not UNSET else {})}
    try:
        verifier = jwt.PyJWK(public, algorithm=algorithm)
    except (jwt.PyJWTError, ValueError):
        return None
    return PublicKey(jwk.kid, algorithm, jwk.x, jwk.y or "", verifier)


def _is_for_tokens(jwk: _Jwk, algorithm: Algorithm) -> bool:
    return (
        jwk.alg in (UNSET, algorithm)
        and jwk.use in (UNSET, "sig")
        and (jwk.key_ops is UNSET or "verify" in jwk.key_ops)
    )


# Made once, and their private halves dropped.
_DECOYS: Mapping[Algorithm, Mapping[str, str]] = {
    "EdDSA": {"kty": "OKP", "crv": "Ed25519", "x": "UTcb8talmOSvqJYfVR5aeMHPK1OPUG2XaJWVjZ-ssqA"},
    "ES256": {
        "kty": "EC",
        "crv": "P-256",
        "x": "ZmUkaqsAOcldBiNS1Yz3xeErpkZxUoPOZb9lGsqej3A",
        "y": "bFxlFrjfe4grixzE_d9LhxIulgXU1n9ZI_bxtLpJ-wo",
    },
}


@cache
def decoy(algorithm: Algorithm) -> PublicKey:
    """A key that signs nothing: to spend on a token without a key what one with a key costs."""
    jwk = _DECOYS[algorithm]
    return PublicKey("", algorithm, jwk["x"], jwk.get("y", ""), jwt.PyJWK(dict(jwk), algorithm=algorithm))
