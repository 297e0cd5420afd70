"""A retailer's backend as tests need it: key pairs, their JWKS, an issuers file, and tokens, good and bad."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from libs.common.clock import now_ms

ISSUER, AUDIENCE = "https://north.example", "qunli"
SCOPE = "events:write profile:read"
Private = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its id."""

    kid: str
    private: Any

    @property
    def algorithm(self) -> str:
        return {"Ed25519PrivateKey": "EdDSA", "RSAPrivateKey": "RS256"}.get(type(self.private).__name__, "ES256")

    @property
    def jwk(self) -> dict[str, Any]:
        """The public half, as a JWKS holds it."""
        kinds: dict[str, Any] = {"EdDSA": OKPAlgorithm, "RS256": RSAAlgorithm, "ES256": ECAlgorithm}
        return {**kinds[self.algorithm].to_jwk(self.private.public_key(), as_dict=True), "kid": self.kid, "use": "sig"}

    @property
    def pem(self) -> bytes:
        """The public half, as an attacker may use it for a secret."""
        return bytes(
            self.private.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )


@cache
def ed25519_key(kid: str) -> SigningKey:
    return SigningKey(kid, ed25519.Ed25519PrivateKey.generate())


@cache
def p256_key(kid: str) -> SigningKey:
    return SigningKey(kid, ec.generate_private_key(ec.SECP256R1()))


@cache
def rsa_key(kid: str) -> SigningKey:
    return SigningKey(kid, rsa.generate_private_key(65537, 2048))


@dataclass(slots=True)
class Retailer:
    """Who issues tokens for some stores, with the keys that its JWKS names; the first one signs."""

    issuer: str = ISSUER
    stores: Sequence[str] | str = ("north",)
    keys: list[SigningKey] = field(default_factory=lambda: [ed25519_key("ed-1"), p256_key("ec-1")])

    def jwks(self) -> bytes:
        return json.dumps({"keys": [key.jwk for key in self.keys]}).encode()

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Good claims with some changed; one given as ... is left out."""
        now = now_ms() // 1000
        whole = {
            "iss": self.issuer, "aud": AUDIENCE, "sub": "worked", "store_ids": ["north"], "scope": SCOPE,
            "iat": now, "exp": now + 600, **changes,
        }  # fmt: skip
        return {name: value for name, value in whole.items() if value is not ...}

    def token(self, key: SigningKey | None = None, headers: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """A token with some claims changed."""
        key = key or self.keys[0]
        return jwt.encode(self.claims(**changes), key.private, key.algorithm, {"kid": key.kid, **(headers or {})})

    def bad_tokens(self) -> Iterator[tuple[str, str]]:
        """What is wrong, and a token with just that: none may open anything, minutes later neither."""
        now, first = now_ms() // 1000, self.keys[0]
        good = self.token()
        head, body, signature = good.split(".")
        yield "expired", self.token(iat=now - 900, exp=now - 61)
        yield "alg none", jwt.encode(self.claims(), "", "none", {"kid": first.kid})
        yield "HS256 of the public key", _hs256(self.claims(), first.pem, first.kid)
        yield "HS256 of the public numbers", _hs256(self.claims(), first.jwk["x"].encode(), first.kid)
        yield "RS256", self.token(SigningKey(first.kid, rsa_key("rsa").private))
        yield "ES256 under the id of an EdDSA key", self.token(SigningKey(first.kid, p256_key("ec-1").private))
        yield "unknown kid", self.token(SigningKey("unheard-of", first.private))
        yield "another's key under a known kid", self.token(SigningKey(first.kid, ed25519_key("stranger").private))
        yield "no kid", jwt.encode(self.claims(), first.private, first.algorithm)
        yield "future nbf", self.token(nbf=now + 550)
        yield "future iat", self.token(iat=now + 600, exp=now + 700)
        yield "wrong iss", self.token(iss="https://nobody.example")
        yield "wrong aud", self.token(aud="another")
        yield "exp too far from iat", self.token(iat=now, exp=now + 901)
        yield "exp too far from now", self.token(iat=..., exp=now + 3600)
        for claim in ("iss", "aud", "sub", "store_ids", "scope", "exp"):
            yield (
                f"no {claim}",
                jwt.encode(self.claims(**{claim: ...}), first.private, first.algorithm, {"kid": first.kid}),
            )
        yield "a member that cannot be", self.token(sub="a b")
        yield "every store", self.token(store_ids=["*"])
        yield "too many stores", self.token(store_ids=[f"s-{n}" for n in range(33)])
        yield "too long", self.token(extra="x" * 4096)
        yield "signature cut off", f"{head}.{body}."
        yield "signature of another", f"{head}.{body}.{self.token(sub='other').split('.')[2]}"
        yield "body of another", f"{head}.{self.token(sub='other').split('.')[1]}.{signature}"
        yield "critical extension", self.token(headers={"crit": ["x"], "x": 1})


def _hs256(claims: dict[str, Any], secret: bytes, kid: str) -> str:
    """PyJWT refuses to sign with a public key as a secret: an attacker does not."""

    def b64(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    head = json.dumps({"alg": "HS256", "typ": "JWT", "kid": kid}).encode()
    signed = f"{b64(head)}.{b64(json.dumps(claims).encode())}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def write_issuers(folder: Path, *retailers: Retailer) -> Path:
    """An issuers file with a JWKS file for each; its path."""
    entries = []
    for number, retailer in enumerate(retailers):
        name = f"jwks-{number}.json"
        (folder / name).write_bytes(retailer.jwks())
        stores = retailer.stores if isinstance(retailer.stores, str) else list(retailer.stores)
        entries.append({"issuer": retailer.issuer, "audience": AUDIENCE, "jwks": name, "stores": stores})
    path = folder / "issuers.yaml"
    path.write_text(json.dumps(entries))  # JSON is YAML
    return path
