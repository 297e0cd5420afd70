"""Seed users (种子用户) and VIPs of a store, ranked at a close."""

from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Literal

from libs.common.placements import SeedChanged, VipChanged
from services.segmentation.domain.decay import carried, score_on
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.ranking import Rank, is_in, limits
from services.segmentation.domain.rows import PLANNED, Member
from services.segmentation.domain.store import Store

Which = Literal["seeds", "vips"]
Ranked = list[tuple[int, str]]  # (- value, member), best first


@dataclass(slots=True)
class Ranking:
    """Both rankings under way: members are looked at in chunks, the best are kept."""

    keys: list[str]
    done: int = 0
    seeds: Ranked = field(default_factory=list)
    vips: Ranked = field(default_factory=list)

    def of(self, which: Which) -> Ranked:
        return self.seeds if which == "seeds" else self.vips


def begin(store: Store) -> Ranking:
    """Nobody was looked at yet."""
    return Ranking(list(store.members))


def look(store: Store, ranking: Ranking, half_life: int, most: int) -> int:
    """Look at so many members more; how many there were."""
    chunk = ranking.keys[ranking.done : ranking.done + most]
    rows = [store.members[key] for key in chunk]
    base = [row for row in rows if row.is_member and row.tier in PLANNED]
    _, stay = limits(store.base)
    ranking.seeds = _best([*ranking.seeds, *[(-propagation(store, row), row.id) for row in base]], stay)
    today = store.today
    scores = [(-score_on(row.score, row.score_day, today, half_life), row.id) for row in base]
    ranking.vips = _best([*ranking.vips, *scores], stay)
    ranking.done += len(chunk)
    return len(chunk)


def _best(ranked: Ranked, most: int) -> Ranked:
    return nsmallest(most, [one for one in ranked if one[0] < 0])


def propagation(store: Store, member: Member) -> int:
    """What a member moves others by, on the store day (units of 2^-20)."""
    return carried(member.propagation, store.today - member.propagation_day)


def candidates(store: Store, which: Which, ranking: Ranking) -> list[str]:
    """Those who are in or may enter, sorted."""
    enter, _ = limits(store.base)
    entering = {member for _, member in ranking.of(which)[:enter]}
    return sorted(entering.union(listed(store, which)))


def listed(store: Store, which: Which) -> list[str]:
    """Who is on a list, by id."""
    return store.members.under(("seed" if which == "seeds" else "vip",))


def decide(effects: Effects, which: Which, person: str, rank: Rank) -> None:
    """Put a member on the list, leave it there, or take it off."""
    store = effects.store
    member, today = store.members[person], store.today
    was = member.seed if which == "seeds" else member.vip
    changed = member.seed_day if which == "seeds" else member.vip_day
    now = is_in(was_in=was, changed=changed, rank=rank, base=store.base, today=today)
    if now == was:
        return
    if which == "seeds":
        store.amend_member(person, seed=now, seed_day=today)
        effects.tell(SeedChanged, member_id=person, is_seed=now, value=rank.value, rank=rank.place)
    else:
        store.amend_member(person, vip=now, vip_day=today)
        effects.tell(VipChanged, member_id=person, is_vip=now, value=rank.value, rank=rank.place)


def ranks(ranked: Ranked) -> dict[str, Rank]:
    """Where each ranked member stands."""
    return {member: Rank(-negative, place) for place, (negative, member) in enumerate(ranked, 1)}
