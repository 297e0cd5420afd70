"""TLS files that change are used for the next connection; a certificate that is not good is told with what to do."""

import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from deploy.local.certificates import Authority
from libs.common.tls import FreshContext, TlsFiles, explain

OURS, OTHER = Authority.new("ours"), Authority.new("other")


def handshake(client: ssl.SSLContext, server: ssl.SSLContext, name: str = "127.0.0.1") -> tuple[str, str]:
    """Both sides of a connection; the common names of the server and of the client. ssl.SSLError."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (ours, theirs):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    return _name(ours), _name(theirs)


def _name(side: ssl.SSLObject) -> str:
    subject: Any = (side.getpeercert() or {})["subject"]
    return str(dict(part[0] for part in subject)["commonName"])


def a_server(folder: Path, authority: Authority = OURS, hosts: tuple[str, ...] = ("127.0.0.1",)) -> ssl.SSLContext:
    authority.sign("broker", hosts).write(folder, "broker")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "broker.crt", folder / "broker.key")
    (folder / "clients.crt").write_bytes(OURS.pem)
    context.load_verify_locations(folder / "clients.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    (tmp_path / "ca.crt").write_bytes(OURS.pem)
    OURS.sign("qunli-ingest").write(tmp_path, "user")
    return TlsFiles(*(str(tmp_path / name) for name in ("ca.crt", "user.crt", "user.key")))


def test_both_sides_know_each_other(files: TlsFiles, tmp_path: Path) -> None:
    assert handshake(FreshContext.of(files), a_server(tmp_path)) == ("broker", "qunli-ingest")


def test_a_new_certificate_is_used_for_the_next_connection(files: TlsFiles, tmp_path: Path) -> None:
    context, server = FreshContext.of(files), a_server(tmp_path)
    assert handshake(context, server)[1] == "qunli-ingest"
    OURS.sign("qunli-engagement").write(tmp_path, "user")
    assert handshake(context, server)[1] == "qunli-engagement"


def test_a_new_authority_is_trusted_and_the_former_one_no_longer(files: TlsFiles, tmp_path: Path) -> None:
    context = FreshContext.of(files)
    (tmp_path / "ca.crt").write_bytes(OTHER.pem)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(context, a_server(tmp_path))
    handshake(context, a_server(tmp_path, OTHER))


def test_half_of_a_pair_changes_nothing_until_the_other_is_there(files: TlsFiles, tmp_path: Path) -> None:
    context, server = FreshContext.of(files), a_server(tmp_path)
    new = OURS.sign("qunli-gateway")
    (tmp_path / "user.crt").write_bytes(new.certificate)
    assert handshake(context, server)[1] == "qunli-ingest"
    (tmp_path / "user.key").write_bytes(new.key)
    assert handshake(context, server)[1] == "qunli-gateway"


def test_files_that_are_gone_leave_what_was_read(files: TlsFiles, tmp_path: Path) -> None:
    context, server = FreshContext.of(files), a_server(tmp_path)
    (tmp_path / "user.key").unlink()
    assert handshake(context, server)[1] == "qunli-ingest"


@pytest.mark.parametrize(
    ("authority", "hosts", "days", "told"),
    [
        (OTHER, ("127.0.0.1",), 1, "signed by nobody that we trust: THE_SETTING must name its CA"),
        (OURS, ("broker.example",), 1, "the certificate of broker:9093 is for other names"),
    ],
)
def test_a_certificate_that_is_not_good_is_told(
    files: TlsFiles, tmp_path: Path, authority: Authority, hosts: tuple[str, ...], days: int, told: str
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError) as failed:
        handshake(FreshContext.of(files), a_server(tmp_path, authority, hosts))
    assert told in str(explain(failed.value, "broker:9093", "THE_SETTING"))


def test_an_expired_certificate_is_told(files: TlsFiles, tmp_path: Path) -> None:
    server = a_server(tmp_path)
    OURS.sign("broker", ["127.0.0.1"], days=0).write(tmp_path, "broker")
    server.load_cert_chain(tmp_path / "broker.crt", tmp_path / "broker.key")
    with pytest.raises(ssl.SSLCertVerificationError) as failed:
        handshake(FreshContext.of(files), server)
    assert "has expired" in str(explain(failed.value, "broker:9093", "THE_SETTING"))


def test_what_is_not_about_tls_is_left_to_others() -> None:
    assert explain(ConnectionRefusedError(), "broker:9093", "THE_SETTING") is None
