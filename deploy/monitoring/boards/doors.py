"""Who calls the doors, how long an answer takes, what is refused."""

from deploy.monitoring.boards.queries import half_and_worst, quantile, rate
from deploy.monitoring.panels import Dashboard, Panel, Query, Row

DOORS = Dashboard(
    "qunli-doors",
    "Qunli: ingest and the doors",
    "Who calls, how long an answer takes, and what is refused.",
    [
        Row(
            "Requests",
            [
                Panel(
                    "Answers",
                    "A second, by door and status",
                    [Query(rate("qunli_http_requests_total", "job", "status"), "{{job}} {{status}}")],
                    unit="reqps",
                ),
                Panel(
                    "Time to an answer",
                    "From a request's head to the whole of its answer, by door; without the stream",
                    half_and_worst("qunli_http_request_duration_seconds", "job"),
                    unit="s",
                ),
                Panel(
                    "Slowest routes",
                    "99 of 100 answers are quicker",
                    [
                        Query(
                            f"topk(8, {quantile(0.99, 'qunli_http_request_duration_seconds', 'method', 'route')})",
                            "{{method}} {{route}}",
                        )
                    ],
                    unit="s",
                ),
                Panel(
                    "Errors of ours",
                    "Share of answers that are 5xx but not 503, and 503",
                    [
                        Query("qunli:http_failed:rate5m / qunli:http_requests:rate5m", "{{job}} 5xx"),
                        Query("qunli:http_unavailable:rate5m / qunli:http_requests:rate5m", "{{job}} 503"),
                    ],
                    unit="percentunit",
                    red=0.01,
                ),
                Panel(
                    "Problems",
                    "Answers that say what is wrong, by code",
                    [Query(rate("qunli_problems_total", "job", "code"), "{{job}} {{code}}")],
                    unit="reqps",
                ),
                Panel(
                    "Ended by a limit",
                    "Requests and connections, by the limit",
                    [Query(rate("qunli_limited_total", "job", "limit"), "{{job}} {{limit}}")],
                    unit="ops",
                ),
            ],
        ),
        Row(
            "Room",
            [
                Panel(
                    "Under way",
                    "Requests that are not answered yet, and connections",
                    [
                        Query("sum by (job) (qunli_http_requests_in_flight)", "{{job}} requests"),
                        Query("sum by (job) (qunli_http_connections)", "{{job}} connections"),
                    ],
                ),
                Panel(
                    "Bytes held",
                    "Bodies under way, and records that wait for the log",
                    [
                        Query("sum by (job) (qunli_http_body_bytes)", "{{job}} bodies"),
                        Query("sum by (job) (qunli_produce_in_flight_bytes)", "{{job}} records"),
                    ],
                    unit="bytes",
                ),
                Panel(
                    "Event loop",
                    "How late it comes back to a timer, by process: the worst of 100 times",
                    [Query(quantile(0.99, "qunli_loop_delay_seconds", "job", "instance"), "{{job}} {{instance}}")],
                    unit="s",
                    red=0.5,
                ),
            ],
        ),
        Row(
            "Events and the log",
            [
                Panel(
                    "Refused events",
                    "A second, by code",
                    [Query(rate("qunli_events_rejected_total", "code"), "{{code}}")],
                    unit="ops",
                ),
                Panel(
                    "Kafka's answer",
                    "From the sending of a batch to its acknowledgement",
                    half_and_worst("qunli_produce_duration_seconds", "topic"),
                    unit="s",
                ),
                Panel(
                    "Batches not acknowledged",
                    "A second, by topic and error",
                    [Query(rate("qunli_produce_errors_total", "job", "topic", "error"), "{{topic}} {{error}}")],
                    unit="ops",
                ),
            ],
        ),
    ],
)
