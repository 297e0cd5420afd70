"""Settings of security that do not fit together stop a process at its start, and say what to do."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.local.certificates import Authority
from libs.common.config import Settings, misfit
from libs.common.kafka_security import security_options

CA = Authority.new("ours")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ca.crt").write_bytes(CA.pem)
    CA.sign("qunli-ingest").write(tmp_path, "user")
    CA.sign("other").write(tmp_path, "other")
    (tmp_path / "password").write_text("from-a-file\n")
    (tmp_path / "empty").write_text("\n")
    return tmp_path


def settings(folder: Path, **given: str) -> Settings:
    """Settings whose values that end with a dot and letters name a file of the folder."""
    known = {path.name for path in folder.iterdir()}
    return Settings.model_validate({k: str(folder / v) if v in known else v for k, v in given.items()})


TLS = {"kafka_security_protocol": "SSL", "kafka_ca_file": "ca.crt"}
PAIR = {"kafka_certificate_file": "user.crt", "kafka_key_file": "user.key"}
SASL = {
    "kafka_security_protocol": "SASL_SSL",
    "kafka_ca_file": "ca.crt",
    "kafka_sasl_mechanism": "SCRAM-SHA-512",
    "kafka_sasl_username": "qunli-ingest",
}
DATABASE = "postgresql://qunli_ingest@db/qunli"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"kafka_security_protocol": "SSL"},
        TLS,
        TLS | PAIR,
        SASL | {"kafka_sasl_password": "secret"},
        SASL | {"kafka_sasl_password_file": "password"},
        {"database_url": DATABASE, "database_ca_file": "ca.crt", "database_password_file": "password"},
        {"database_url": f"{DATABASE}?sslmode=verify-full", "database_ca_file": "ca.crt"},
    ],
)
def test_what_fits_is_taken(folder: Path, given: dict[str, str]) -> None:
    assert settings(folder, **given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"kafka_ca_file": "ca.crt"}, "PLAINTEXT has no TLS: set it to SSL or SASL_SSL, or unset QUNLI_KAFKA_CA_FILE"),
        (TLS | {"kafka_certificate_file": "user.crt"}, "come together: set both or neither"),
        (TLS | {"kafka_key_file": "user.key"}, "come together: set both or neither"),
        (TLS | {"kafka_ca_file": "/nowhere/ca.crt"}, "QUNLI_KAFKA_CA_FILE: there is no file /nowhere/ca.crt"),
        (TLS | PAIR | {"kafka_key_file": "other.key"}, "QUNLI_KAFKA_KEY_FILE cannot be used"),
        (TLS | {"kafka_ca_file": "password"}, "QUNLI_KAFKA_CA_FILE cannot be used"),
        (
            TLS | {"kafka_sasl_username": "me"},
            "SSL shows no password: set it to SASL_SSL, or unset QUNLI_KAFKA_SASL_USER",
        ),
        (SASL, "needs QUNLI_KAFKA_SASL_PASSWORD or QUNLI_KAFKA_SASL_PASSWORD_FILE: set one of them"),
        (SASL | {"kafka_sasl_password": "a", "kafka_sasl_password_file": "password"}, "set one of them"),
        (SASL | {"kafka_sasl_password": "a", "kafka_sasl_mechanism": ""}, "needs QUNLI_KAFKA_SASL_MECHANISM: set it"),
        (SASL | {"kafka_sasl_password": "a", "kafka_sasl_username": ""}, "needs QUNLI_KAFKA_SASL_USERNAME: set it"),
        (SASL | {"kafka_sasl_password_file": "empty"}, "is empty: write the password into it"),
        (SASL | {"kafka_sasl_password_file": "/nowhere/password"}, "/nowhere/password cannot be read"),
        ({"database_url": f"{DATABASE}?sslmode=verify-full"}, "names no CA: set QUNLI_DATABASE_CA_FILE"),
        ({"database_url": f"{DATABASE}?sslmode=disable", "database_ca_file": "ca.crt"}, "take that out of the address"),
        ({"database_url": f"{DATABASE}?sslmode=verify-ca&sslrootcert=/nowhere/ca"}, "there is no file /nowhere/ca"),
        (
            {"database_url": "postgresql://a:b@db/q", "database_password_file": "password"},
            "has a password: take it out of the address",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_what_to_do(folder: Path, given: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(folder, **given)
    assert told in misfit(refused.value)


def test_a_setting_that_is_wrong_by_itself_is_named() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({"kafka_security_protocol": "TLS"})
    assert misfit(refused.value).startswith("QUNLI_KAFKA_SECURITY_PROTOCOL does not fit: Input should be 'PLAINTEXT'")


def test_a_ca_and_a_password_go_into_the_address_of_postgres(folder: Path) -> None:
    plain = settings(folder, database_url=DATABASE)
    assert plain.database_address == DATABASE
    safe = settings(folder, database_url=DATABASE, database_ca_file="ca.crt", database_password_file="password")
    assert safe.database_address.startswith(
        "postgresql://qunli_ingest:from-a-file@db/qunli?sslmode=verify-full&sslroot"
    )
    (folder / "password").write_text("an@other")
    assert "qunli_ingest:an%40other@db" in safe.database_address


def test_every_client_of_kafka_is_told_the_same(folder: Path) -> None:
    assert security_options(Settings()) == {"bootstrap_servers": "127.0.0.1:9092", "security_protocol": "PLAINTEXT"}
    told = security_options(settings(folder, **SASL, kafka_sasl_password_file="password"))
    assert told["sasl_plain_password"] == "from-a-file"
    assert told["ssl_context"] is security_options(settings(folder, **TLS))["ssl_context"]


def test_no_password_shows_in_what_is_printed(folder: Path) -> None:
    assert "s3cr3t" not in repr(settings(folder, **SASL, kafka_sasl_password="s3cr3t"))
