"""Which plan a store of a partition waits for, and the trace of what asked for it."""

from services.segmentation.store import Partition

TRACE, OTHER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-" + "1" * 32 + "-" + "2" * 16 + "-01"


def test_a_request_keeps_the_trace_of_what_asked_first() -> None:
    partition = Partition(0)
    partition.ask("s-1", "plan-1", TRACE)
    partition.ask("s-1", "plan-1", OTHER)  # said of the store while it waits
    assert (partition.requests, partition.traces) == ({"s-1": "plan-1"}, {"s-1": TRACE})
    partition.ask("s-1", "plan-2", OTHER)
    assert (partition.requests, partition.traces) == ({"s-1": "plan-2"}, {"s-1": OTHER})
    partition.ask("s-1", "plan-3")
    assert (partition.requests, partition.traces) == ({"s-1": "plan-3"}, {})
    partition.ask("s-1", None)
    assert (partition.requests, partition.traces) == ({}, {})
