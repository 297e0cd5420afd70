"""The one catalogue of metrics: each name, what it measures and in what unit, its labels, and which service has it.

docs/metrics.md is made from it (`make metrics`). What is recorded has these names and labels and no others. Labels are
few and bounded: never a member, a store, a key or anything that somebody wrote.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]
Unit = Literal["", "seconds", "bytes", "days"]
Service = Literal["ingest", "engagement", "segmentation", "gateway"]

DOORS: tuple[Service, ...] = ("ingest", "gateway")
PROCESSORS: tuple[Service, ...] = ("engagement", "segmentation")
ALL: tuple[Service, ...] = ("ingest", "engagement", "segmentation", "gateway")

# Upper bounds in seconds. Of what a client waits for; of work that may take minutes; of how old something is.
QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LONG = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0)
AGES = (1.0, 5.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0, 604_800.0, 2_592_000.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric. `buckets`: a histogram's upper bounds, in its unit; `services`: whose processes tell it."""

    name: str
    kind: Kind
    says: str
    services: Sequence[Service]
    labels: Sequence[str] = ()
    unit: Unit = ""
    buckets: Sequence[float] = ()


def _counter(name: str, services: Sequence[Service], says: str, *labels: str, unit: Unit = "") -> Metric:
    return Metric(name, "counter", says, services, labels, unit)


def _gauge(name: str, services: Sequence[Service], says: str, *labels: str, unit: Unit = "") -> Metric:
    return Metric(name, "gauge", says, services, labels, unit)


def _histogram(
    name: str, services: Sequence[Service], says: str, *labels: str, buckets: Sequence[float] = QUICK
) -> Metric:
    return Metric(name, "histogram", says, services, labels, "seconds", buckets)


# By what they are about, in the order of the page.
SECTIONS: Mapping[str, Sequence[Metric]] = {
    "How far behind": (
        _gauge("qunli_lag_records", ("gateway",),
               "Records on the log that are not applied yet; missing while Kafka or Postgres does not say",
               "topic", "partition", "group"),
        _gauge("qunli_lag_seconds", ("gateway",),
               "How long the oldest record that is not applied yet has stood on the log; 0 if there is none",
               "topic", "partition", "group", unit="seconds"),
        _counter("qunli_lag_looks_total", ("gateway",),
                 "Looks at ends and rows, by result: ok, no_log, no_database", "result"),
        _gauge("qunli_days_behind", ("gateway",),
               "Days that are over by the clock and not closed everywhere; missing before the first close",
               "group", unit="days"),
        _gauge("qunli_closes_running", ("gateway",),
               "Partitions in which a day's close or new settings are under way", "group"),
        _gauge("qunli_outbox_records", ("gateway",),
               "Messages in the outbox, by the partition that they are effects of", "group", "partition"),
        _counter("qunli_takeovers_total", ("gateway",),
                 "Times a partition was taken over by a process (its epoch)", "topic", "partition", "group"),
        _counter("qunli_steps_fenced_total", ("gateway",),
                 "Steps of a process that had lost its partition to another one, and so had no effect",
                 "topic", "partition", "group"),
    ),
    "Steps of the processors": (
        _counter("qunli_steps_total", PROCESSORS,
                 "Steps committed", "topic"),
        _counter("qunli_records_applied_total", PROCESSORS,
                 "Records applied, duplicates and dead letters among them", "topic"),
        _histogram("qunli_step_duration_seconds", PROCESSORS,
                   "From the beginning of a step, with its wait for a connection, to its COMMIT", "topic"),
        _histogram("qunli_received_to_visible_seconds", PROCESSORS,
                   "From the time that a record carries, which is its receipt at the door or its publishing, to the "
                   "COMMIT that makes its effects visible", "topic", buckets=(*QUICK, 30.0, 60.0, 300.0, 3600.0)),
        _histogram("qunli_event_time_lag_seconds", ("engagement",),
                   "How old events were, by their own occurred_at, when they were applied", "topic", buckets=AGES),
        _counter("qunli_duplicates_total", PROCESSORS,
                 "Events and messages that had come before, and were dropped", "topic"),
        _counter("qunli_dead_letters_total", PROCESSORS,
                 "Records that could not be applied, by code", "topic", "code"),
        _counter("qunli_step_retries_total", PROCESSORS,
                 "Steps begun again from the partition's row, by what the database did", "topic", "error"),
        _counter("qunli_slices_total", PROCESSORS,
                 "Slices of long work (a day's close, new settings) committed", "topic"),
        _gauge("qunli_queue_records", PROCESSORS,
               "Records fetched and not applied yet", "topic"),
        _gauge("qunli_partitions_owned", PROCESSORS,
               "Partitions that this process works on", "topic"),
        _counter("qunli_rebalances_total", PROCESSORS,
                 "Times this process was dealt its partitions anew", "group"),
        _gauge("qunli_outbox_unacknowledged_records", PROCESSORS,
               "Messages of committed steps that the log has not acknowledged yet", "group"),
        _gauge("qunli_outbox_age_seconds", PROCESSORS,
               "How long the oldest of them has waited; 0 if there is none", "group", unit="seconds"),
        _counter("qunli_tier_changes_total", ("engagement",),
                 "Memberships that went from one tier to another; none: a membership that begins or ends",
                 "old", "new"),
        _counter("qunli_plans_total", ("segmentation",),
                 "Plans that were asked of the solver, by result: solved, failed", "result"),
        _histogram("qunli_plan_duration_seconds", ("segmentation",),
                   "From the start of the solver to its answer, by result", "result", buckets=LONG),
        _gauge("qunli_plans_waiting", ("segmentation",),
               "Stores of this process's partitions that wait for a plan"),
    ),
    "The doors": (
        _counter("qunli_http_requests_total", DOORS,
                 "Requests answered, by route (its template; other: none of ours)", "method", "route", "status"),
        _histogram("qunli_http_request_duration_seconds", DOORS,
                   "From a request's head to the whole of its answer; without the stream", "method", "route"),
        _gauge("qunli_http_requests_in_flight", DOORS,
               "Requests that are not answered yet, streams among them"),
        _gauge("qunli_http_connections", DOORS,
               "Connections open"),
        _gauge("qunli_http_body_bytes", DOORS,
               "Bytes of all bodies under way, inflated", unit="bytes"),
        _counter("qunli_problems_total", DOORS,
                 "Answers that were problems, by code", "code"),
        _counter("qunli_limited_total", DOORS,
                 "Requests and connections that a limit ended, by limit: key, member, session, address, bodies, "
                 "connections, head, head_size, body, body_size, idle, unread", "limit"),
        _counter("qunli_events_total", ("ingest",),
                 "Events at the door, by result: accepted, rejected, unknown", "result"),
        _counter("qunli_events_rejected_total", ("ingest",),
                 "Events refused at the door, by code", "code"),
        _counter("qunli_commands_total", ("gateway",),
                 "Commands that are on the log, by command", "command"),
        _counter("qunli_sessions_total", ("gateway",),
                 "Managers' sessions, by step: link, begun, ended (before their time)", "step"),
    ),
    "The stream": (
        _gauge("qunli_stream_clients", ("gateway",),
               "Streams open"),
        _counter("qunli_streams_total", ("gateway",),
                 "Streams that were opened, by how they began: now, resumed, reset", "began"),
        _counter("qunli_streams_ended_total", ("gateway",),
                 "Streams that have ended, by why: gone, lagged, refused, stopped, log", "why"),
        _counter("qunli_stream_log_reads_total", ("gateway",),
                 "Streams that were served from the log, because the ring was too short for them"),
        _gauge("qunli_stream_ring_bytes", ("gateway",),
               "Memory of the stream's last ten minutes", unit="bytes"),
        _histogram("qunli_stream_delay_seconds", ("gateway",),
                   "From the time that a record carries to its hand-over to the streams", buckets=(*QUICK, 30.0, 60.0)),
    ),
    "Kafka and Postgres as a process sees them": (
        _counter("qunli_produce_records_total", ALL,
                 "Records that the log has acknowledged", "topic"),
        _counter("qunli_produce_errors_total", ALL,
                 "Batches that the log has not acknowledged, by error; they are sent again, or unknown to who sent "
                 "them", "topic", "error"),
        _histogram("qunli_produce_duration_seconds", ALL,
                   "From the sending of a batch to its acknowledgement", "topic"),
        _gauge("qunli_produce_in_flight_records", DOORS,
               "Records that wait for the log's acknowledgement", "topic"),
        _gauge("qunli_produce_in_flight_bytes", DOORS,
               "Bytes of them", "topic", unit="bytes"),
        _histogram("qunli_pool_wait_seconds", ALL,
                   "How long a connection to Postgres was waited for"),
        _counter("qunli_pool_timeouts_total", ALL,
                 "Waits for a connection that were given up"),
        _gauge("qunli_pool_connections", ALL,
               "Connections to Postgres, by state: busy, idle", "state"),
    ),
    "The process": (
        _gauge("qunli_build_info", ALL,
               "Always 1; which version this is", "service", "version"),
        _gauge("qunli_ready", ALL,
               "1 if it may be sent work, as /health/ready says"),
        _histogram("qunli_loop_delay_seconds", ALL,
                   "How late the event loop comes back to a timer, looked at twice a second"),
        _counter("qunli_process_cpu_seconds_total", ALL,
                 "Processor time, of user and system", unit="seconds"),
        _gauge("qunli_process_resident_memory_bytes", ALL,
               "Memory resident", unit="bytes"),
        _gauge("qunli_process_virtual_memory_bytes", ALL,
               "Address space", unit="bytes"),
        _gauge("qunli_process_open_fds", ALL,
               "Files and sockets open"),
        _gauge("qunli_certificate_end_time_seconds", ALL,
               "When a certificate that it uses ends, in seconds since 1970, by certificate: kafka_ca, "
               "kafka_certificate, database_ca", "certificate", unit="seconds"),
        _counter("qunli_spans_total", ALL,
                 "Spans recorded, by what has become of them: sent, failed (the collector did not take them), dropped "
                 "(too many waited for it); missing without a collector", "result"),
        _gauge("qunli_process_max_fds", ALL,
               "How many of them it may have"),
        _gauge("qunli_process_start_time_seconds", ALL,
               "When it began, in seconds since 1970", unit="seconds"),
    ),
}  # fmt: skip

METRICS: Mapping[str, Metric] = {one.name: one for part in SECTIONS.values() for one in part}
