"""The first server keys of a cluster, from a secret of its own: `QUNLI_BOOTSTRAP_KEYS`.

JSON, a list of {"id", "sha256" (of the secret, in hex), "scopes", "stores"}. They are valid as long as they stand
there, whatever the database says, and are ended by taking them out.
"""

import secrets
from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from libs.common.caller import Scope
from libs.common.errors import UserError
from libs.common.keys import check_rights, hash_secret

SETTING = "QUNLI_BOOTSTRAP_KEYS"


class BootstrapKey(Struct, frozen=True, forbid_unknown_fields=True):
    """A key as the secret holds it."""

    id: Annotated[str, Meta(pattern=r"^[a-z0-9]{12}(?![\s\S])")]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}(?![\s\S])")]
    scopes: tuple[Scope, ...]
    stores: tuple[str, ...]

    @property
    def secret_sha256(self) -> bytes:
        return bytes.fromhex(self.sha256)


def read_bootstrap_keys(text: str) -> list[BootstrapKey]:
    """The keys of the setting; "" has none. UserError, in which nothing of the secret stands."""
    try:
        found = msgspec.json.decode(text, type=list[BootstrapKey]) if text else []
    except ValueError as error:
        what = f"{SETTING} does not fit: {str(error).replace('`', '')}."
        raise UserError(what, "`qunli keys bootstrap` makes a key that does.") from error
    for key in found:
        check_rights(key.scopes, key.stores)
    return found


def make_bootstrap_key(scopes: Iterable[str], stores: Iterable[str]) -> tuple[str, str]:
    """A new key's text, for its caller, and what goes into the setting's list. UserError."""
    chosen, touched = sorted(set(scopes)), sorted(set(stores))
    check_rights(chosen, touched)
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    entry = {"id": key_id, "sha256": hash_secret(secret).hex(), "scopes": chosen, "stores": touched}
    return f"qk_{key_id}_{secret}", msgspec.json.encode(entry).decode()
