"""The secrets that the manifests refer to, by who makes them; and those that a new deployment needs, made fresh.

None stands in the manifests. `python -m deploy.k8s secrets` prints what is ours to make, once, for `kubectl apply` or
a store of secrets.
"""

import base64
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from deploy.k8s.edges import DATA, SERVICES
from libs.common.bootstrap_keys import make_bootstrap_key
from libs.common.caller import ALL_STORES, SCOPES
from libs.common.migrate import ROLES
from libs.common.rights import USERS

Document = dict[str, Any]

OWNER = "qunli-db-owner"
BOOTSTRAP_KEYS = "qunli-bootstrap-keys"
CLOSE_DAY = "qunli-close-day"
SESSIONS = "qunli-session-secrets"
# By namespace: each secret's name, and the entries that are read of it.
OURS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    SERVICES: {
        OWNER: ("username", "password"),
        **{f"qunli-db-{role.removeprefix('qunli_')}": ("username", "password") for role in ROLES},
        BOOTSTRAP_KEYS: ("keys",),
        CLOSE_DAY: ("key",),
        SESSIONS: ("secrets",),
    },
    # Postgres' operator reads the same passwords where it is.
    DATA: {
        OWNER: ("username", "password"),
        **{f"qunli-db-{role.removeprefix('qunli_')}": ("username", "password") for role in ROLES},
    },
}
# Made by Strimzi's user operator, one for each KafkaUser.
OF_KAFKA: Mapping[str, tuple[str, ...]] = {user.name: ("user.crt", "user.key") for user in USERS.values()}
# From outside: the certificate of the way in, and the credentials of object stores.
GIVEN: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    SERVICES: {"qunli-tls": ("tls.crt", "tls.key")},
    DATA: {
        "qunli-backups": ("access-key-id", "secret-access-key", "region"),
        "qunli-tiered-storage": ("access-key-id", "secret-access-key"),
    },
}


_LABELS = {"app.kubernetes.io/part-of": "qunli"}
_WATCHED = {"cnpg.io/reload": "true"}  # a password that is changed there becomes the role's


def fresh() -> tuple[list[Document], str]:
    """Secrets for a new deployment, and the key of whoever runs it, which stands in none of them."""
    passwords = {
        OWNER: ("qunli", _random()),
        **{f"qunli-db-{role.removeprefix('qunli_')}": (role, _random()) for role in ROLES},
    }
    first, first_entry = make_bootstrap_key(SCOPES, [ALL_STORES])
    clock, clock_entry = make_bootstrap_key(["days:close"], [ALL_STORES])
    made = [
        _secret(namespace, name, {"username": user, "password": password}, "kubernetes.io/basic-auth")
        for namespace in OURS
        for name, (user, password) in passwords.items()
    ]
    made += [
        _secret(SERVICES, BOOTSTRAP_KEYS, {"keys": f"[{first_entry},{clock_entry}]"}),
        _secret(SERVICES, CLOSE_DAY, {"key": clock}),
        _secret(SERVICES, SESSIONS, {"secrets": _random()}),
    ]
    return made, first


def _random() -> str:
    return secrets.token_urlsafe(32)


def _secret(namespace: str, name: str, entries: Mapping[str, str], kind: str = "Opaque") -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": _LABELS | (_WATCHED if namespace == DATA else {})},
        "type": kind,
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in entries.items()},
    }


def referred(documents: list[Document]) -> Iterator[tuple[str, str]]:
    """Namespace and name of every secret that manifests refer to."""
    for document in documents:
        namespace = document["metadata"].get("namespace", "")
        yield from ((namespace, name) for name in _names(document))


def _names(part: Any) -> Iterator[str]:
    match part:
        case dict():
            for key, value in part.items():
                match key, value:
                    case "secret", {"secretName": name}:
                        yield name
                    case (("secretKeyRef" | "secret" | "passwordSecret"), {"name": name}):
                        yield name
                    case (("accessKeyId" | "secretAccessKey" | "region"), {"name": name, "key": _}):
                        yield name
                    case "certificateRefs", list():
                        yield from (each["name"] for each in value)
                    case _:
                        yield from _names(value)
        case list():
            for each in part:
                yield from _names(each)
