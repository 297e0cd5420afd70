"""Engagement and segmentation: steps, what they publish, the day's close, the solver."""

from deploy.monitoring.boards.queries import half_and_worst, rate
from deploy.monitoring.panels import Dashboard, Panel, Query, Row

PROCESSORS = Dashboard(
    "qunli-processors",
    "Qunli: engagement and segmentation",
    "Steps, their database, what they publish, the day's close and the solver.",
    [
        Row(
            "Behind",
            [
                Panel(
                    "Lag by partition",
                    "Records not applied, of the ten worst partitions",
                    [
                        Query(
                            "topk(10, max by (group, partition) (qunli_lag_records))",
                            "{{group}} {{partition}}",
                        )
                    ],
                ),
                Panel(
                    "Event time",
                    "How old events were by their own clock when they were applied: half of them, and 1 in 100",
                    half_and_worst("qunli_event_time_lag_seconds", "topic"),
                    unit="s",
                ),
                Panel(
                    "Closes",
                    "Partitions in which a close or new settings are under way, and slices of them a second",
                    [
                        Query("max by (group) (qunli_closes_running)", "{{group}} partitions"),
                        Query(rate("qunli_slices_total", "topic"), "slices of {{topic}}"),
                    ],
                ),
            ],
        ),
        Row(
            "Steps",
            [
                Panel(
                    "Steps",
                    "Committed, a second",
                    [Query(rate("qunli_steps_total", "topic"), "{{topic}}")],
                    unit="ops",
                ),
                Panel(
                    "Time of a step",
                    "With its wait for a connection, to its COMMIT",
                    half_and_worst("qunli_step_duration_seconds", "topic"),
                    unit="s",
                ),
                Panel(
                    "Records in a step",
                    "On average: it grows with the backlog",
                    [
                        Query(
                            f"{rate('qunli_records_applied_total', 'topic')} / {rate('qunli_steps_total', 'topic')}",
                            "{{topic}}",
                        )
                    ],
                ),
                Panel(
                    "Wait for a connection",
                    "To Postgres, by service",
                    half_and_worst("qunli_pool_wait_seconds", "job"),
                    unit="s",
                    red=0.5,
                ),
                Panel(
                    "Begun again",
                    "Steps, by what the database did, and waits for a connection that were given up",
                    [
                        Query(rate("qunli_step_retries_total", "topic", "error"), "{{topic}} {{error}}"),
                        Query(rate("qunli_pool_timeouts_total", "job"), "{{job}} no connection"),
                    ],
                    unit="ops",
                ),
                Panel(
                    "Duplicates and dead letters",
                    "A second",
                    [
                        Query(rate("qunli_duplicates_total", "topic"), "{{topic}} duplicates"),
                        Query(rate("qunli_dead_letters_total", "topic", "code"), "{{topic}} {{code}}"),
                    ],
                    unit="ops",
                ),
            ],
        ),
        Row(
            "Outbox",
            [
                Panel(
                    "Not published",
                    "Messages in the outbox, by service",
                    [Query("sum by (group) (max by (group, partition) (qunli_outbox_records))", "{{group}}")],
                ),
                Panel(
                    "Age of the oldest",
                    "That the log has not acknowledged",
                    [Query("max by (group) (qunli_outbox_age_seconds)", "{{group}}")],
                    unit="s",
                    red=60,
                ),
                Panel(
                    "Published",
                    "Records acknowledged, a second, by topic",
                    [Query(rate("qunli_produce_records_total", "job", "topic"), "{{job}} {{topic}}")],
                    unit="ops",
                ),
            ],
        ),
        Row(
            "Who has what",
            [
                Panel(
                    "Partitions",
                    "By process",
                    [
                        Query(
                            "sum by (job, instance) (qunli_partitions_owned)",
                            "{{job}} {{instance}}",
                        )
                    ],
                ),
                Panel(
                    "Taken over, fenced",
                    "In 15 minutes: partitions that changed hands, steps of those who had lost theirs",
                    [
                        Query(
                            "sum by (group) (max by (group, partition) (increase(qunli_takeovers_total[15m])))",
                            "{{group}} taken over",
                        ),
                        Query(
                            "sum by (group) (max by (group, partition) (increase(qunli_steps_fenced_total[15m])))",
                            "{{group}} fenced",
                        ),
                    ],
                ),
                Panel(
                    "Solver",
                    "Plans an hour by result, stores that wait",
                    [
                        Query("sum by (result) (increase(qunli_plans_total[1h]))", "{{result}}"),
                        Query("sum(qunli_plans_waiting)", "waiting"),
                    ],
                ),
            ],
        ),
    ],
)
