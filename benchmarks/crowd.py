"""A chain with all that the gateway reads of it: memberships by COPY, the rest made from them by Postgres itself."""

from pathlib import Path

from benchmarks import seeding
from benchmarks.scale import Scale
from benchmarks.workload import Chain
from benchmarks.world import Tell, World, pause
from libs.common.postgres import load_queries
from libs.common.topics import PARTITIONS

Q = load_queries(Path(__file__).parent, "crowd.sql")
LARGE = "s-large"
ACTIVE = 0.1  # of the memberships, on the store day
FILLED = (
    "members", "groups", "presences", "placements", "healths", "heads", "themes", "areas", "blocks", "proximities",
    "plans", "items", "commands", "events", "transitions", "moves", "figures", "cohorts", "letters", "settled",
    "written",
)  # fmt: skip


def a_chain(scale: Scale) -> Chain:
    """One large store and many small ones."""
    members = scale.memberships_large + scale.small_stores * scale.memberships_small
    return Chain("read", members, scale.small_stores, scale.memberships_large)


def load(world: World, chain: Chain, day: int, tell: Tell) -> None:
    """Fill the tables as they would be on store day `day`; then no processor runs."""
    while world.admin.execute(Q["standing_on_the_log"].encode()).fetchone() != (PARTITIONS,):
        world.check()
        pause()
    world.stop("engagement")
    world.stop("segmentation")
    tell(f"P6: loading {chain.members:,} memberships")
    seeding.load(world, chain, seeding.histories(day, ACTIVE))
    world.admin.execute(Q["closed"].encode(), [day - 1])
    world.admin.execute(Q["people"].encode(), [day])
    for name in FILLED:
        tell(f"P6: loading {name} of {chain.members:,} memberships")
        world.admin.execute(Q[name].encode())
