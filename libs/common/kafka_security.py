"""How every client of Kafka proves who it is and whom it trusts: what the settings QUNLI_KAFKA_* come to.

Certificates, keys and passwords are read again from their files for new connections: rotated, they need no restart.
"""

import asyncio
from functools import lru_cache
from pathlib import Path
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from libs.common.config import Settings
from libs.common.tls import FreshContext, TlsFiles, explain

ASK_SECONDS = 3.0


def security_options(settings: Settings) -> dict[str, Any]:
    """Where the brokers are, and how they are spoken to: the arguments of any of aiokafka's clients."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_uses_tls:
        files = TlsFiles(settings.kafka_ca_file, settings.kafka_certificate_file, settings.kafka_key_file)
        options["ssl_context"] = _context(files)
    if settings.kafka_sasl_mechanism:
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = _password(settings)
    return options


@lru_cache(maxsize=16)
def _context(files: TlsFiles) -> FreshContext:
    """One for all clients of a process: they read a file once."""
    return FreshContext.of(files)


def _password(settings: Settings) -> str:
    if settings.kafka_sasl_password_file:
        return Path(settings.kafka_sasl_password_file).read_text(encoding="utf-8").strip()
    return settings.kafka_sasl_password.get_secret_value()


class _FreshPassword(AIOKafkaClient):  # type: ignore[misc] # aiokafka has no types
    """aiokafka keeps the password that a client was made with; here each connection reads it from its file."""

    _settings: Settings

    @property
    def _sasl_plain_password(self) -> str:
        return _password(self._settings)


def read_password_anew(client: AIOKafkaClient, settings: Settings) -> None:
    """Let a client that has no connection yet read the password's file, if there is one, for each."""
    if settings.kafka_sasl_password_file:
        client.__class__ = type("Client", (_FreshPassword, type(client)), {"_settings": settings})


async def why_unreachable(settings: Settings) -> str | None:
    """What a first connection to a broker fails by, where that is a matter of security; None if it is not.

    aiokafka logs it, and raises no more than that there is no connection.
    """
    server = settings.kafka_bootstrap.split(",")[0].strip()
    host, _, port = server.rpartition(":")
    if not host:
        return None
    options = security_options(settings)
    options.pop("bootstrap_servers")
    try:
        async with asyncio.timeout(ASK_SECONDS):
            connection = await create_conn(host, int(port), request_timeout_ms=int(ASK_SECONDS * 1000), **options)
    except UnsupportedSaslMechanismError as error:
        return f"{server} does not take {settings.kafka_sasl_mechanism} (QUNLI_KAFKA_SASL_MECHANISM): {error}"
    except (SaslAuthenticationFailed, AuthenticationFailedError) as error:
        return f"{server} does not take this user and password (QUNLI_KAFKA_SASL_USERNAME): {error}"
    except (KafkaError, OSError, TimeoutError, ValueError) as error:
        return _about_tls(error, server, settings)
    connection.close()
    return None


def _about_tls(error: BaseException, server: str, settings: Settings) -> str | None:
    found: BaseException | None = error
    while found is not None:
        if told := explain(found, server, "QUNLI_KAFKA_CA_FILE"):
            return told
        found = found.__cause__ or found.__context__
    if isinstance(error, KafkaError):  # connected, and then cut off
        ours = settings.kafka_security_protocol
        return (
            f"{server} closes the connection before it has said anything: its listener may be of another kind than "
            f"QUNLI_KAFKA_SECURITY_PROTOCOL={ours}, or ask for a certificate (QUNLI_KAFKA_CERTIFICATE_FILE)"
        )
    return None
