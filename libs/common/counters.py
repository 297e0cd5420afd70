"""What a process counts, for its /metrics."""

from collections import Counter
from collections.abc import Mapping

# Every counter, and what it counts. Labels are few and bounded: never an id.
COUNTERS: Mapping[str, str] = {
    "qunli_events_total": "Events at the door, by result: accepted, rejected, unknown",
    "qunli_events_rejected_total": "Events refused at the door, by code",
    "qunli_requests_total": "Answers of this process, by status",
    "qunli_commands_total": "Commands that are on the log, by command",
    "qunli_streams_total": "Streams that were opened, by how they began: now, resumed, reset",
    "qunli_streams_ended_total": "Streams that have ended, by why: gone, lagged, refused, stopped, log",
    "qunli_stream_log_reads_total": "Streams that were served from the log, because the ring was too short for them",
    "qunli_limited_total": "Requests and connections that a limit ended, by limit: key, member, session, address, "
    "bodies, connections, head, head_size, body, body_size, idle, unread",
    "qunli_sessions_total": "Managers' sessions, by step: link, begun, ended (before their time)",
    "qunli_plans_total": "Plans that were asked of the solver, by result: solved, failed",
}
_counts: Counter[tuple[str, str]] = Counter()


def count(name: str, label: str = "", by: int = 1) -> None:
    """Add to a counter of COUNTERS; `label` as it is written, such as `result="accepted"`."""
    _counts[name, label] += by


def render() -> str:
    """The counters as Prometheus reads them."""
    lines: list[str] = []
    for name, meaning in COUNTERS.items():
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} counter"]
        lines += [f"{n}{{{label}}} {value}" for (n, label), value in sorted(_counts.items()) if n == name]
    return "\n".join(lines) + "\n"
