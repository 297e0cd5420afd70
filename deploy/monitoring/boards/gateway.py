"""The gateway's reads, commands and sessions, and the stream of changes."""

from deploy.monitoring.boards.queries import quantile, rate
from deploy.monitoring.panels import Dashboard, Panel, Query, Row

GATEWAY = Dashboard(
    "qunli-gateway",
    "Qunli: gateway and stream",
    "Reads, commands, managers' sessions, and the stream of changes.",
    [
        Row(
            "Stream",
            [
                Panel(
                    "Streams open",
                    "By process",
                    [Query("sum by (instance) (qunli_stream_clients)", "{{instance}}")],
                ),
                Panel(
                    "Begun, ended",
                    "A second, by how and why: `lagged` is a client or a network too slow for what it asks",
                    [
                        Query(rate("qunli_streams_total", "began"), "begun: {{began}}"),
                        Query(rate("qunli_streams_ended_total", "why"), "ended: {{why}}"),
                    ],
                    unit="ops",
                ),
                Panel(
                    "Delay",
                    "From the time that a record carries to its hand-over to the streams",
                    [
                        Query(quantile(0.5, "qunli_stream_delay_seconds"), "half"),
                        Query(quantile(0.99, "qunli_stream_delay_seconds"), "99%"),
                    ],
                    unit="s",
                    red=5,
                ),
                Panel(
                    "Served from the log",
                    "Streams, a second, whose client was away for longer than the ring reaches",
                    [Query("sum(rate(qunli_stream_log_reads_total[$__rate_interval]))", "from the log")],
                    unit="ops",
                ),
                Panel(
                    "Memory of the ring",
                    "By process",
                    [Query("sum by (instance) (qunli_stream_ring_bytes)", "{{instance}}")],
                    unit="bytes",
                ),
                Panel(
                    "Looks at the log and the rows",
                    "A second, by result: what the lag is made of",
                    [Query(rate("qunli_lag_looks_total", "result"), "{{result}}")],
                    unit="ops",
                ),
            ],
        ),
        Row(
            "Commands and people",
            [
                Panel(
                    "Commands",
                    "On the log, an hour, by command",
                    [Query("sum by (command) (increase(qunli_commands_total[1h]))", "{{command}}")],
                ),
                Panel(
                    "Managers' sessions",
                    "An hour, by step",
                    [Query("sum by (step) (increase(qunli_sessions_total[1h]))", "{{step}}")],
                ),
                Panel(
                    "Connections to Postgres",
                    "By service and state",
                    [Query("sum by (job, state) (qunli_pool_connections)", "{{job}} {{state}}")],
                ),
            ],
        ),
    ],
)
