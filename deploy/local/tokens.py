"""The local stack's own issuer of member tokens, in the place of a retailer's backend: a key pair and its files."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from deploy.local.folder import Folder
from libs.common.caller import ALL_STORES, MEMBER_SCOPES
from libs.common.clock import now_ms
from libs.common.errors import UserError

ISSUER, AUDIENCE, KID = "https://qunli.local", "qunli", "local-1"


def prepare(folder: Folder) -> Path:
    """Make what is missing of the key pair, its JWKS and the list of issuers; the list's path."""
    place = folder.tokens
    place.mkdir(exist_ok=True, mode=0o700)
    private = _private_key(place / "key.pem")
    jwk = {**OKPAlgorithm.to_jwk(private.public_key(), as_dict=True), "kid": KID, "alg": "EdDSA", "use": "sig"}
    entry = {"issuer": ISSUER, "audience": AUDIENCE, "jwks": "jwks.json", "stores": ALL_STORES}
    _write(place / "jwks.json", json.dumps({"keys": [jwk]}).encode())
    _write(place / "issuers.yaml", json.dumps([entry], indent=2).encode())  # JSON is YAML
    return place / "issuers.yaml"


def _private_key(path: Path) -> Ed25519PrivateKey:
    if not path.exists():
        made = Ed25519PrivateKey.generate()
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        _write(path, made.private_bytes(encoding, form, serialization.NoEncryption()))
    return _read_key(path)


def _read_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError as error:
        raise UserError("This stack has no key for tokens yet.", "Start it with `qunli up`.") from error
    except ValueError as error:
        raise UserError(f"{path} cannot be read.", "Delete it: the next start makes another.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UserError(f"{path} is no Ed25519 key.", "Delete it: the next start makes another.")
    return key


def _write(path: Path, content: bytes) -> None:
    """Readable by the owner alone; complete or not there at all."""
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    new.replace(path)


def mint(folder: Folder, member: str, stores: Sequence[str], minutes: int) -> str:
    """A token for a member, as a retailer's backend would make it. UserError before the stack's first start."""
    now = now_ms() // 1000
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": member,
        "store_ids": list(stores),
        "scope": " ".join(MEMBER_SCOPES),
        "iat": now,
        "exp": now + 60 * minutes,
    }
    return jwt.encode(claims, _read_key(folder.tokens / "key.pem"), "EdDSA", {"kid": KID})
