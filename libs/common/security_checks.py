"""Settings of security that do not fit together, or whose files cannot be used: each with what to do.

A ValueError here stops a process at its start.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from libs.common.database_address import options_of, read_password
from libs.common.tls import TlsFiles

if TYPE_CHECKING:
    from libs.common.config import Settings


def check_kafka(settings: "Settings") -> None:
    """ValueError unless protocol, certificates and password fit together."""
    protocol = settings.kafka_security_protocol
    files = {
        "QUNLI_KAFKA_CA_FILE": settings.kafka_ca_file,
        "QUNLI_KAFKA_CERTIFICATE_FILE": settings.kafka_certificate_file,
        "QUNLI_KAFKA_KEY_FILE": settings.kafka_key_file,
    }
    if not settings.kafka_uses_tls:
        _refuse_if(
            named(files), f"QUNLI_KAFKA_SECURITY_PROTOCOL={protocol} has no TLS: set it to SSL or SASL_SSL, or unset"
        )
    if bool(settings.kafka_certificate_file) != bool(settings.kafka_key_file):
        raise ValueError("QUNLI_KAFKA_CERTIFICATE_FILE and QUNLI_KAFKA_KEY_FILE come together: set both or neither")
    if settings.kafka_uses_tls:
        check_files(files)
    _check_sasl(settings)


def _check_sasl(settings: "Settings") -> None:
    protocol = settings.kafka_security_protocol
    given = {
        "QUNLI_KAFKA_SASL_MECHANISM": settings.kafka_sasl_mechanism,
        "QUNLI_KAFKA_SASL_USERNAME": settings.kafka_sasl_username,
        "QUNLI_KAFKA_SASL_PASSWORD": settings.kafka_sasl_password.get_secret_value(),
        "QUNLI_KAFKA_SASL_PASSWORD_FILE": settings.kafka_sasl_password_file,
    }
    if not protocol.startswith("SASL_"):
        _refuse_if(
            named(given), f"QUNLI_KAFKA_SECURITY_PROTOCOL={protocol} shows no password: set it to SASL_SSL, or unset"
        )
        return
    *needed, password, password_file = given
    for name in needed:
        if not given[name]:
            raise ValueError(f"QUNLI_KAFKA_SECURITY_PROTOCOL={protocol} needs {name}: set it")
    if bool(given[password]) == bool(given[password_file]):
        raise ValueError(
            f"QUNLI_KAFKA_SECURITY_PROTOCOL={protocol} needs {password} or {password_file}: set one of them"
        )
    _check_password_file(password_file, given[password_file])


def check_database(settings: "Settings") -> None:
    """ValueError unless the address of Postgres and the files beside it fit together."""
    url = settings.database_url.get_secret_value()
    options, ca_file = options_of(url), settings.database_ca_file
    mode = options.get("sslmode", "")
    if ca_file and mode not in {"", "verify-full"}:
        raise ValueError(
            f"QUNLI_DATABASE_CA_FILE has the certificate checked, and QUNLI_DATABASE_URL says sslmode={mode}: "
            "take that out of the address, or unset QUNLI_DATABASE_CA_FILE"
        )
    if mode in {"verify-ca", "verify-full"} and not (ca_file or options.get("sslrootcert")):
        raise ValueError(f"QUNLI_DATABASE_URL says sslmode={mode} and names no CA: set QUNLI_DATABASE_CA_FILE")
    check_files({"QUNLI_DATABASE_CA_FILE": ca_file or options.get("sslrootcert", "")})
    if settings.database_password_file and urlsplit(url).password:
        raise ValueError(
            "QUNLI_DATABASE_PASSWORD_FILE is set, and QUNLI_DATABASE_URL has a password: take it out of the address"
        )
    _check_password_file("QUNLI_DATABASE_PASSWORD_FILE", settings.database_password_file)


def named(given: dict[str, str]) -> list[str]:
    """The settings that are set."""
    return [name for name, value in given.items() if value]


def _refuse_if(names: Iterable[str], why: str) -> None:
    if listed := " and ".join(names):
        raise ValueError(f"{why} {listed}")


def check_files(files: dict[str, str]) -> None:
    """ValueError unless a CA, and a certificate with its key (by the settings' names, in this order) can be used."""
    for name, path in files.items():
        if path and not Path(path).is_file():
            raise ValueError(f"{name}: there is no file {path}")
    if not named(files):
        return
    try:
        TlsFiles(*files.values()).load()
    except OSError as error:  # ssl.SSLError is one
        listed = ", ".join(named(files))
        raise ValueError(
            f"{listed} cannot be used ({error.strerror or error}): PEM files, the key without password"
        ) from error


def _check_password_file(name: str, path: str) -> None:
    if not path:
        return
    try:
        password = read_password(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{name}: {path} cannot be read ({error})") from error
    if not password:
        raise ValueError(f"{name}: {path} is empty: write the password into it")
