"""The matrix: how good its groups are beside other ways to form them, how much it moves, what placing at once loses."""

from collections.abc import Mapping
from dataclasses import replace
from statistics import fmean

import numpy as np
from msgspec.structs import replace as with_settings

from benchmarks.matrix import baselines
from benchmarks.matrix.newcomers import one_by_one
from benchmarks.matrix.quality import Quality, quality
from benchmarks.matrix.town import Joined, after_churn, joined, without_places
from benchmarks.results import Figure, Measure
from benchmarks.scale import Scale
from benchmarks.world import Tell
from libs.common import clock
from services.segmentation.domain.costs import costs_of
from services.segmentation.domain.groups import QR_LIMIT
from services.segmentation.domain.instance import Instance
from services.segmentation.domain.ledger import value
from services.segmentation.domain.network import solve
from services.segmentation.domain.plan import plan
from services.segmentation.domain.salt import member_salts

CLUSTERED_UPTO = 1_000  # members: beyond that k-means-constrained takes minutes
MANY = 10_000  # from here on there are groups enough for twice what join order gives
NEWCOMERS, CHURN = 0.1, 0.05


def measure(scale: Scale, tell: Tell) -> Measure:
    """Five seeds of each size: quality and sizes of every way, moves after churn, regret of placing at once."""
    found = Measure("Matrix", "The matrix of groups beside other ways to form them")
    for members in scale.matrix_members:
        seeds: list[Mapping[str, Quality]] = []
        later: list[Mapping[str, float]] = []
        for seed in scale.matrix_seeds:
            tell(f"Matrix: {members:,} members, seed {seed}")
            plain, refined = joined(members, seed, refining=False), joined(members, seed, refining=True)
            seeds.append(_qualities(plain, refined))
            later.append({**_moves(refined.store, seed), **_regret(refined.store, seed)})
        _report(found, members, seeds, later)
    return found


def _qualities(plain: Joined, refined: Joined) -> Mapping[str, Quality]:
    made, groups = plain.made, len(plain.store.groups)
    found = {
        "join order": quality(made, baselines.join_order(made)),
        "round robin": quality(made, baselines.round_robin(made, groups)),
        "greedy, same blocks": quality(made, baselines.greedy(plain.store), plain.themes),
        "flow": quality(made, plain.group, plain.themes),
        "flow, refined blocks": quality(made, refined.group, refined.themes),
    }
    if len(made.rows) <= CLUSTERED_UPTO:
        found["k-means-constrained"] = quality(made, baselines.clustered(made, groups))
    return found


def _moves(store: Instance, seed: int) -> Mapping[str, float]:
    """Shares of the members that are moved when a twentieth is new and a twentieth has turned to other themes."""
    changed, found = after_churn(store, CHURN, seed), dict[str, float]()
    for name, fields in (
        ("a night", {}),
        ("without a bound", {"moves_per_mille": 1000}),
        ("planned afresh", {"moves_per_mille": 1000, "move_cost": 0, "seed_move_cost": 0}),
    ):
        tried = replace(changed, settings=with_settings(changed.settings, **fields))
        found[name] = sum(item.kind == "move" for item in plan(tried).items) / len(store.members)
    return found


def _regret(store: Instance, seed: int) -> Mapping[str, float]:
    """What is lost where a tenth comes one by one, against the best places for all of them at once; CPU of each."""
    before, new = without_places(store, NEWCOMERS, seed)
    costs = costs_of(before.settings, len(before.members), before.active)
    limits = np.full(len(before.groups), QR_LIMIT)
    best = value(before, costs, solve(before, costs, member_salts(before), free=new, limits=limits))
    came = np.random.default_rng(seed).permutation(np.flatnonzero(new)).tolist()
    began = clock.cpu_seconds()
    group = one_by_one(before, came)
    seconds = clock.cpu_seconds() - began
    return {"lost": (best - value(before, costs, group)) / best, "us": seconds / len(came) * 1e6}


def _report(found: Measure, members: int, seeds: list[Mapping[str, Quality]], later: list[Mapping[str, float]]) -> None:
    means = {name: fmean(seed[name].worth for seed in seeds) for name in seeds[0]}
    words = f"{members:,} members"
    margin = min(seed["flow"].worth - seed["greedy, same blocks"].worth for seed in seeds)
    ratio = min(seed["flow"].worth / seed["join order"].worth for seed in seeds)
    flows = [seed[name] for seed in seeds for name in ("flow", "flow, refined blocks")]
    found.figures += [
        *(Figure(f"{words}, quality: {name}", worth, "of the bound") for name, worth in means.items()),
        Figure(f"{words}, flow less (greedy on the same blocks - .02), worst seed", margin + 0.02, "of the bound", 0),
        Figure(f"{words}, flow / join order, worst seed", ratio, "times", 2 if members >= MANY else None),
        Figure(f"{words}, groups of 150 to 250 after a first design, worst seed", min(q.sized for q in flows), "", 1),
        Figure(f"{words}, groups with a seed user, worst seed", min(q.seeded for q in flows), "", 1),
    ]
    for name in ("greedy, same blocks", "join order"):
        told = [seed[name] for seed in seeds]
        found.notes.append(
            f"{words}, {name}: {fmean(q.sized for q in told):.2f} of groups have 150 to 250 members, "
            f"{fmean(q.seeded for q in told):.2f} a seed user"
        )
    for name in ("a night", "without a bound", "planned afresh"):
        share = 100 * fmean(seed[name] for seed in later)
        bound = 1.0 if name == "a night" else None
        found.figures.append(Figure(f"{words}, moved after churn, {name}", share, "%", bound, "at most"))
    found.figures += [
        Figure(f"{words}, lost by placing a tenth one by one", 100 * fmean(seed["lost"] for seed in later), "%"),
        Figure(f"{words}, placing a newcomer", fmean(seed["us"] for seed in later), "us of CPU", 50, "at most"),
    ]
