"""What is looked at first: is it well, what comes in, what is applied, what is seen."""

from deploy.monitoring.boards.queries import half_and_worst, rate
from deploy.monitoring.panels import Dashboard, Panel, Query, Row

CHANGES = "qunli_tier_changes_total"

OVERVIEW = Dashboard(
    "qunli-overview",
    "Qunli: overview",
    "Is it well? What comes in, what is applied, what is seen.",
    [
        Row(
            "Now",
            [
                Panel(
                    "Alerts that fire",
                    "Each is explained in docs/operations.md",
                    [Query('count(ALERTS{alertname=~"Qunli.*", alertstate="firing"}) or vector(0)')],
                    kind="stat",
                    width=4,
                    red=1,
                ),
                Panel(
                    "Oldest record not applied",
                    "Of all partitions and both processors",
                    [Query("max(qunli:lag_seconds:max)")],
                    unit="s",
                    kind="stat",
                    width=5,
                    red=60,
                ),
                Panel(
                    "Days behind",
                    "Days that are over in the deployment's time zone and not closed",
                    [Query("max(qunli_days_behind)")],
                    kind="stat",
                    width=4,
                    red=1,
                ),
                Panel(
                    "Dead letters today",
                    "Records that could not be applied, in 24 hours",
                    [Query("sum(increase(qunli_dead_letters_total[1d])) or vector(0)")],
                    kind="stat",
                    width=4,
                    red=1,
                ),
                Panel(
                    "Streams open",
                    "Consoles and others that follow",
                    [Query("sum(qunli_stream_clients)")],
                    kind="stat",
                    width=3,
                ),
                Panel(
                    "Not ready",
                    "Processes that may not be sent work",
                    [Query("count(qunli_ready == 0) or vector(0)")],
                    kind="stat",
                    width=4,
                    red=1,
                ),
            ],
        ),
        Row(
            "From the door to the screen",
            [
                Panel(
                    "Events at the door",
                    "A second, by what became of them",
                    [Query(rate("qunli_events_total", "result"), "{{result}}")],
                    unit="ops",
                ),
                Panel(
                    "Records applied",
                    "A second, by topic: member-events by engagement, store-feed by segmentation",
                    [Query("qunli:records_applied:rate5m", "{{topic}}")],
                    unit="ops",
                ),
                Panel(
                    "Received to visible",
                    "From the time a record carries to the COMMIT that shows its effects",
                    half_and_worst("qunli_received_to_visible_seconds", "topic"),
                    unit="s",
                    red=5,
                ),
                Panel(
                    "Records not applied",
                    "The log's ends less the offsets in Postgres",
                    [Query("qunli:lag_records:sum", "{{group}} of {{topic}}")],
                ),
                Panel(
                    "Age of the oldest of them",
                    "0 where there is none",
                    [Query("qunli:lag_seconds:max", "{{group}} of {{topic}}")],
                    unit="s",
                    red=60,
                ),
                Panel(
                    "Members who changed tier",
                    "An hour, from weekly to daily and from weekly to monthly",
                    [
                        Query(f'sum by (new) (increase({CHANGES}{{old="weekly", new="daily"}}[1h]))', "to {{new}}"),
                        Query(f'sum by (new) (increase({CHANGES}{{old="weekly", new="monthly"}}[1h]))', "to {{new}}"),
                    ],
                ),
            ],
        ),
        Row(
            "Processes",
            [
                Panel(
                    "Processor time",
                    "Cores in use, by process",
                    [Query(rate("qunli_process_cpu_seconds_total", "job", "instance"), "{{job}} {{instance}}")],
                ),
                Panel(
                    "Memory",
                    "Resident, by process",
                    [
                        Query(
                            "sum by (job, instance) (qunli_process_resident_memory_bytes)",
                            "{{job}} {{instance}}",
                        )
                    ],
                    unit="bytes",
                ),
                Panel(
                    "Versions",
                    "What runs: during a roll-out two of them",
                    [Query("count by (job, version) (qunli_build_info)")],
                    kind="table",
                ),
            ],
        ),
    ],
)
