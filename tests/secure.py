"""The same tests on a stack that lets nobody in unknown: `make test-secure`, `pytest --secure`.

In such a run the tests are Kafka's administrator, by their environment. A service that they run is the user that it is
in a cluster, with the rights that the cluster's manifests give it on the topics of its own log.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.local import acls, kafka_users
from deploy.local.security import ADMIN, Security
from deploy.local.stack import Stack
from libs.common.config import Settings
from libs.common.kafka_security import security_options
from libs.common.rights import USERS

_run: list[Security] = []  # of the run's stack, if it is a secure one


def begin(stack: Stack) -> None:
    """From now on whoever reads the environment is the administrator of this stack's Kafka."""
    assert stack.security
    _run.append(stack.security)
    os.environ.update(stack.security.env(ADMIN))


def trust(folder: Path) -> None:
    """Let the stack that is to be made in a folder have the same authority: who is known to one is known to both."""
    (folder / "security").mkdir(parents=True, mode=0o700)
    for name in ("ca.crt", "ca.key"):
        shutil.copy(_run[0].folder / name, folder / "security" / name)


def user_env(service: str) -> Mapping[str, str]:
    """What the environment of a service's process says over that of the tests; nothing in a plain run."""
    return _run[0].env(USERS[service].name) if _run else {}


def as_user(service: str) -> dict[str, Any]:
    """The same as arguments of Settings, for a service's parts in the process of the tests."""
    return {name.removeprefix("QUNLI_").lower(): value for name, value in user_env(service).items()}


def client_of(bootstrap: str) -> dict[str, Any]:
    """The arguments of a Kafka client of the tests' own."""
    return security_options(Settings(kafka_bootstrap=bootstrap))


def give_rights(bootstrap: str, prefix: str) -> None:
    """Give the services their rights on a log of its own; nothing in a plain run."""
    if _run:
        acls.give(Settings(kafka_bootstrap=bootstrap, topic_prefix=prefix), kafka_users.read())


def take_rights(bootstrap: str, prefix: str) -> None:
    """Take them back: with the logs of all tests a question for rights would take long."""
    if _run:
        acls.take(Settings(kafka_bootstrap=bootstrap, topic_prefix=prefix), kafka_users.read())
