"""The users of the cluster's manifests, read back: a secure stack gives each the rights that it has there.

What is tried on one machine is so what is deployed. (The manifests are made of libs/common/rights.py.)
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from libs.common.errors import QunliError
from libs.common.rights import Operation, Right, User

MANIFEST = Path(__file__).parents[1] / "k8s/base/services/users.yaml"


class NotUnderstood(QunliError):
    """{file}: the rights of {user} are not as a secure stack can give them: {what}"""


def read(file: Path = MANIFEST) -> list[User]:
    """The `KafkaUser`s of a file. NotUnderstood where one stands for more than its rights by name."""
    documents = yaml.safe_load_all(file.read_text(encoding="utf-8"))
    return [_user(document, file) for document in documents if document and document["kind"] == "KafkaUser"]


def _user(document: dict[str, Any], file: Path) -> User:
    name, spec = document["metadata"]["name"], document["spec"]
    for part, wanted in {"authentication": "tls", "authorization": "simple"}.items():
        if spec[part]["type"] != wanted:
            raise NotUnderstood(file=file, user=name, what=f"{part} is not {wanted}")
    try:
        return User(name, tuple(_rights(spec["authorization"]["acls"])))
    except (KeyError, ValueError) as error:
        raise NotUnderstood(file=file, user=name, what=repr(error)) from error


def _rights(acls: Iterable[dict[str, Any]]) -> Iterator[Right]:
    for acl in acls:
        resource = acl["resource"]
        if (resource["patternType"], acl["host"], acl.get("type", "allow")) != ("literal", "*", "allow"):
            raise ValueError(f"the rule on {resource['name']} is no literal name, allowed from anywhere")
        yield Right(resource["type"], resource["name"], tuple(Operation(name) for name in acl["operations"]))
