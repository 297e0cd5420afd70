"""How large a run is: the real one, and a quick one that only shows that everything works."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of everything. Rates are events per second, times seconds."""

    quick: bool
    members: int
    prepared: int  # events that stand on the log before engagement starts
    search_seconds: float
    load_seconds: float
    ceiling: float  # the highest rate that request bodies are prepared for
    door_rounds: int  # each way is measured so often, in turns
    door_seconds: float
    door_rates: Mapping[int, float]  # by events of a request: events/s that all ways bear
    limit_rate: float
    visible_rate: float
    visible_seconds: float
    placing_seconds: float
    read_rate: float  # requests/s to the gateway
    read_seconds: float
    list_requests: int  # to each list route
    memberships_large: int  # of the one large store
    memberships_small: int  # of each of the others
    small_stores: int
    replayed_days: int
    replayed_events: int  # a day
    plan_members: int  # of the largest store that is planned, and designed
    design_members: int
    matrix_members: tuple[int, ...]
    matrix_seeds: tuple[int, ...]


FULL = Scale(
    quick=False,
    members=100_000,
    prepared=300_000,
    search_seconds=10,
    load_seconds=30,
    ceiling=60_000,
    door_rounds=4,
    door_seconds=5,
    door_rates={1: 1_000, 100: 8_000},
    limit_rate=20_000,
    visible_rate=5_000,
    visible_seconds=30,
    placing_seconds=20,
    read_rate=2_000,
    read_seconds=20,
    list_requests=100,
    memberships_large=200_000,
    memberships_small=20_000,
    small_stores=40,
    replayed_days=10,
    replayed_events=30_000,
    plan_members=200_000,
    design_members=50_000,
    matrix_members=(1_000, 10_000),
    matrix_seeds=(1, 2, 3, 4, 5),
)
QUICK = Scale(
    quick=True,
    members=10_000,
    prepared=20_000,
    search_seconds=2,
    load_seconds=5,
    ceiling=20_000,
    door_rounds=1,
    door_seconds=1.5,
    door_rates={1: 400, 100: 4_000},
    limit_rate=4_000,
    visible_rate=500,
    visible_seconds=5,
    placing_seconds=3,
    read_rate=300,
    read_seconds=3,
    list_requests=10,
    memberships_large=4_000,
    memberships_small=400,
    small_stores=40,
    replayed_days=3,
    replayed_events=3_000,
    plan_members=10_000,
    design_members=10_000,
    matrix_members=(1_000,),
    matrix_seeds=(1,),
)
