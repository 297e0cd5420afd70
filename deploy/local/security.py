"""A stack whose Kafka and Postgres let nobody in unknown: its CA, the certificates of its listeners and of each user.

Everything but the CA is made anew at each start, so that nothing ever expires on a stack that is started now and then.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deploy.local.certificates import Authority
from deploy.local.folder import Folder
from deploy.local.ports import HOST
from libs.common.config import Settings
from libs.common.rights import USERS

HOSTS = (HOST, "localhost")
BROKER = "qunli-broker"  # the name of Kafka's own certificate: it may do everything
ADMIN = "qunli-admin"  # whoever makes topics and gives rights


@dataclass(frozen=True, slots=True)
class Security:
    """The files of a secure stack, in one folder, for the owner's eyes alone."""

    folder: Path

    @property
    def ca(self) -> Path:
        """The certificate that everybody trusts."""
        return self.folder / "ca.crt"

    @property
    def supers(self) -> tuple[str, ...]:
        """Whom Kafka asks for no rights."""
        return (f"User:CN={BROKER}", f"User:CN={ADMIN}")

    @classmethod
    def prepare(cls, folder: Folder) -> Self:
        """Make what is missing of the CA, and all the rest anew."""
        made = cls(folder.security)
        made.folder.mkdir(mode=0o700, exist_ok=True)
        authority = Authority.at(made.folder, "Qunli on this machine")
        for name in (BROKER, "postgres"):
            authority.sign(name, HOSTS).write(made.folder, name)
        for name in (ADMIN, *(user.name for user in USERS.values())):
            authority.sign(name).write(made.folder, name)
        return made

    def env(self, user: str) -> dict[str, str]:
        """The settings of a client of Kafka that is `user`."""
        return {
            "QUNLI_KAFKA_SECURITY_PROTOCOL": "SSL",
            "QUNLI_KAFKA_CA_FILE": str(self.ca),
            "QUNLI_KAFKA_CERTIFICATE_FILE": str(self.folder / f"{user}.crt"),
            "QUNLI_KAFKA_KEY_FILE": str(self.folder / f"{user}.key"),
        }

    def settings(self, bootstrap: str, user: str, prefix: str = "") -> Settings:
        """The same as settings."""
        files = {name.removeprefix("QUNLI_").lower(): value for name, value in self.env(user).items()}
        return Settings.model_validate({**files, "kafka_bootstrap": bootstrap, "topic_prefix": prefix})


def listener_settings(security: Security, port: int, controller_port: int) -> dict[str, str]:
    """What of a node's server.properties says who may come in: TLS with a certificate on every port, and rights."""
    return {
        "listeners": f"SSL://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"SSL://{HOST}:{port}",
        "listener.security.protocol.map": "CONTROLLER:SSL,SSL:SSL",
        "inter.broker.listener.name": "SSL",
        "ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(security.folder / f"{BROKER}.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(security.ca),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": ";".join(security.supers),
    }
