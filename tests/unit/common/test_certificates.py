"""When certificates end, as a gauge tells it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from libs.common.certificates import certificate_ends
from libs.common.config import Settings

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])


def a_certificate(days: int) -> bytes:
    """PEM of one that is valid for so many days from BEGIN."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(NAME, NAME, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(BEGIN).not_valid_after(BEGIN + timedelta(days=days))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_an_authority_lasts_as_long_as_its_last_and_a_chain_as_its_first(tmp_path: Path) -> None:
    path = tmp_path / "both.pem"
    path.write_bytes(a_certificate(30) + a_certificate(10))
    settings = Settings.model_construct(
        kafka_ca_file=str(path), kafka_certificate_file=str(path), database_ca_file=str(path)
    )
    first, last = (BEGIN + timedelta(days=10)).timestamp(), (BEGIN + timedelta(days=30)).timestamp()
    assert certificate_ends(settings) == {
        'certificate="kafka_ca"': last,
        'certificate="kafka_certificate"': first,
        'certificate="database_ca"': last,
    }


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_cannot_be_read_has_no_end(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    assert certificate_ends(Settings.model_construct(database_ca_file=str(path))) == {}


def test_without_certificates_there_is_nothing_to_tell() -> None:
    assert certificate_ends(Settings.model_construct()) == {}
