"""TLS to servers whose certificate is checked, with files that may change: whoever connects next uses the new ones."""

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Self

log = logging.getLogger(__name__)

# OpenSSL's numbers for why it does not trust a certificate.
_EXPIRED = 10
_OTHER_NAME = {62, 64}  # host name, address
_UNKNOWN_ISSUER = {18, 19, 20, 21}


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of PEM files: who signs the server's certificate ("" = whom the system trusts), our own, and its key."""

    ca: str = ""
    certificate: str = ""
    key: str = ""

    def load(self) -> ssl.SSLContext:
        """A context of what the files say now. OSError or ssl.SSLError if one of them is missing or does not fit."""
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=self.ca or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        return context

    def stamp(self) -> tuple[tuple[int, int, int], ...]:
        """Another one after any of the files has changed. OSError."""
        stats = [Path(path).stat() for path in (self.ca, self.certificate, self.key) if path]
        return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)


class FreshContext(ssl.SSLContext):
    """A client's context that reads its files again before a connection, if they have changed.

    Files that do not fit (a certificate whose key is still being written) leave it at what it had.
    """

    _files: TlsFiles
    _stamp: tuple[tuple[int, int, int], ...]
    _loaded: ssl.SSLContext

    @classmethod
    def of(cls, files: TlsFiles) -> Self:
        """OSError or ssl.SSLError if the files do not fit."""
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        context._files, context._stamp, context._loaded = files, files.stamp(), files.load()
        return context

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """The start of every connection of an event loop."""
        self._look()
        return self._loaded.wrap_bio(incoming, outgoing, server_side, server_hostname, session)

    def _look(self) -> None:
        try:
            stamp = self._files.stamp()
            if stamp != self._stamp:
                self._loaded, self._stamp = self._files.load(), stamp
                log.info("new certificates are used from now on")
        except OSError as error:  # ssl.SSLError is one
            log.warning("the certificates that lie there now cannot be used (%s): the former ones are", error)


def explain(error: BaseException, server: str, ca_setting: str) -> str | None:
    """Why a server's certificate was not taken, or ours not by it, and what to do; None if it is not about that."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _OTHER_NAME:
            return (
                f"the certificate of {server} is for other names: reach it by a name that stands in its certificate, "
                f"or have one made with this name"
            )
        if error.verify_code in _UNKNOWN_ISSUER:
            return f"the certificate of {server} is signed by nobody that we trust: {ca_setting} must name its CA"
        if error.verify_code == _EXPIRED:
            return f"the certificate of {server} has expired: have a new one made"
        return f"the certificate of {server} is not good: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        said = error.reason or str(error)
        if "ALERT" in said:
            return f"{server} refuses our certificate ({said}): it must be signed by the CA that this server trusts"
        return f"{server} does not speak TLS with us ({said}): is this its TLS port?"
    return None
