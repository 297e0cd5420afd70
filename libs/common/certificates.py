"""When the certificates that this process uses end."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from libs.common.config import Settings


def certificate_ends(settings: "Settings") -> Mapping[str, float]:
    """By label, in seconds since 1970: when what lies in each file that the settings name ends. As gauges are read.

    Of an authority's file the last one to end, since an old one stands beside the new one for a while; of our own the
    first of its chain. A file that cannot be read has none.
    """
    ends = {
        "kafka_ca": _ends(settings.kafka_ca_file)[-1:],
        "kafka_certificate": _ends(settings.kafka_certificate_file)[:1],
        "database_ca": _ends(settings.database_ca_file)[-1:],
    }
    return {f'certificate="{name}"': found[0] for name, found in ends.items() if found}


def _ends(path: str) -> list[float]:
    if not path:
        return []
    from cryptography import x509  # not above: most processes on one machine have no certificates

    try:
        found = x509.load_pem_x509_certificates(Path(path).read_bytes())
    except (OSError, ValueError):
        return []
    return sorted(one.not_valid_after_utc.timestamp() for one in found)
