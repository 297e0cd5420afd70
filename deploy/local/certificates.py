"""A certificate authority of a stack's own, and what it signs: for Kafka, Postgres, and each user of Kafka."""

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from libs.common.clock import now_ms

DAYS = 397  # of what is made anew at each start
CA_DAYS = 3_650
_LEEWAY = timedelta(minutes=5)  # for clocks that do not quite agree

_Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, PEM; the key without a password."""

    certificate: bytes
    key: bytes

    def write(self, folder: Path, name: str) -> None:
        """As `name`.crt and `name`.key in a folder, and both in `name`.pem as Kafka wants them."""
        write(folder / f"{name}.crt", self.certificate)
        write(folder / f"{name}.key", self.key)
        write(folder / f"{name}.pem", self.key + self.certificate)


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates."""

    certificate: x509.Certificate
    key: _Key

    @classmethod
    def new(cls, name: str) -> Self:
        """A new one."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(name, key, _name(name), CA_DAYS).add_extension(x509.BasicConstraints(True, 0), critical=True)
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, critical=True)
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def at(cls, folder: Path, name: str) -> Self:
        """The one that is kept in a folder; made at the first time."""
        certificate, key_file = folder / "ca.crt", folder / "ca.key"
        if not certificate.exists():
            made = cls.new(name)
            write(key_file, _pem(made.key))
            write(certificate, made.pem)
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        assert isinstance(key, _Key)
        return cls(x509.load_pem_x509_certificate(certificate.read_bytes()), key)

    @property
    def pem(self) -> bytes:
        """The certificate that others trust."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def sign(self, name: str, hosts: Sequence[str] = (), days: int = DAYS) -> Pair:
        """A certificate for a user of this name, or for a server that is reached by these names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if hosts else [])]
        issuer = self.certificate
        builder = (
            _builder(name, key, issuer.subject, days)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False
            )
        signed = builder.sign(self.key, hashes.SHA256())
        return Pair(signed.public_bytes(serialization.Encoding.PEM), _pem(key))


def _builder(name: str, key: _Key, issuer: x509.Name, days: int) -> x509.CertificateBuilder:
    moment = datetime.fromtimestamp(now_ms() / 1000, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - _LEEWAY)
        .not_valid_after(moment + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(key: _Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write(path: Path, content: bytes) -> None:
    """For the owner's eyes alone; complete or not there at all."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    new.replace(path)
