"""What a door bears of its clients: how long each may take, and how many there may be."""

import logging
import resource
from dataclasses import dataclass

from libs.common.config import Settings

LINGER_SECONDS = 5.0  # for the last bytes of an answer, once a connection is to be closed
RESERVED_FILES = 300  # for Kafka, Postgres, the probes and whatever a process opens besides connections

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take, in seconds, and how many may be connected."""

    head: float
    body: float
    idle: float
    unread: float
    connections: int
    linger: float = LINGER_SECONDS


def patience_of(settings: Settings) -> Patience:
    """What the settings allow and the limit on open files bears; that is raised as far as it can be."""
    wanted = settings.max_connections
    files = raise_file_limit(wanted + RESERVED_FILES)
    bearable = min(wanted, max(files - RESERVED_FILES, 1))
    if bearable < wanted:
        log.warning("%d connections at most, not %d: the limit on open files is %d", bearable, wanted, files)
    return Patience(
        settings.head_seconds, settings.body_seconds, settings.idle_seconds, settings.unread_seconds, bearable
    )


def raise_file_limit(wanted: int) -> int:
    """Raise this process's limit on open files if it is lower; what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        soft = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft
