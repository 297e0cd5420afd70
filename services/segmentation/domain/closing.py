"""A store's day ends: expiries, seeds, VIP, freeloaders, health, and the plan that is asked for."""

from msgspec.structs import replace

from libs.common.placements import NoCapacity
from services.segmentation.domain import rankings, talks
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.freeloaders import is_freeloader
from services.segmentation.domain.groups import set_state
from services.segmentation.domain.health import measure, next_state
from services.segmentation.domain.overlays import fill
from services.segmentation.domain.placements import OPEN_DAYS, lapse
from services.segmentation.domain.ranking import Rank
from services.segmentation.domain.rankings import Ranking, Which
from services.segmentation.domain.requests import mode_at_close, request
from services.segmentation.domain.rows import Job
from services.segmentation.domain.slices import Step, each, once
from services.segmentation.domain.store import Store

OVERLAYS: tuple[Which, ...] = ("seeds", "vips")


def begin(effects: Effects, closed: int, half_life: int) -> None:
    """Day `closed` is over for the store: once, however many days that covers."""
    store, at = effects.store, effects.at
    before = store.head.closed
    if store.head.short:
        effects.tell(NoCapacity, count=store.head.short)
    today = max(closed + 1, store.head.day or 0)
    job = Job(
        kind="close",
        partition=at.partition,
        offset=at.offset,
        index=effects.index,
        record=b"",
        day=closed,
        since=0 if before is None else before + 1,
        half_life=half_life,
    )
    store.amend(day=today, closed=closed, short=0, job=job)


def expire(effects: Effects, job: Job, most: int) -> Step:
    """Invitations of day D lapse when D + 7 is closed."""
    store = effects.store

    def end(key: str) -> None:
        invited = store.placements[key].invited
        if invited is not None and invited + OPEN_DAYS <= job.day:
            lapse(effects, key, "expired", pauses=True)

    return each(once(store, lambda: store.placements.under(("open",))), job.cursor, most, end)


def rank(effects: Effects, job: Job, most: int) -> Step:
    """Look at the members in chunks. What is gathered is not saved: after a restart it is gathered again."""
    ranking = _ranking(effects.store)
    looked = rankings.look(effects.store, ranking, job.half_life, most)
    return (None if ranking.done >= len(ranking.keys) else job.cursor), max(1, looked)


def seeds(effects: Effects, job: Job, most: int) -> Step:
    return _listed(effects, job, most, "seeds")


def vips(effects: Effects, job: Job, most: int) -> Step:
    return _listed(effects, job, most, "vips")


def _listed(effects: Effects, job: Job, most: int, which: Which) -> Step:
    store = effects.store
    ranking = _whole(store, job)
    ranks = store.scratch.setdefault(f"ranks of {which}", rankings.ranks(ranking.of(which)))
    nowhere = Rank(0, None)

    def decide(person: str) -> None:
        rankings.decide(effects, which, person, ranks.get(person, nowhere))

    people = store.scratch.setdefault(f"candidates of {which}", rankings.candidates(store, which, ranking))
    return each(people, job.cursor, most, decide)


def fill_overlays(effects: Effects, job: Job, most: int) -> Step:
    """Seeds, then VIPs, each by rank; the cursor is (overlay, rank)."""
    store = effects.store
    ranking = _whole(store, job)
    people = once(store, lambda: _by_rank(store, ranking))

    def ask(key: str) -> None:
        fill(effects, *people[key])

    return each(list(people), job.cursor, most, ask)


def _by_rank(store: Store, ranking: Ranking) -> dict[str, tuple[Which, str]]:
    people: dict[str, tuple[Which, str]] = {}
    for overlay in OVERLAYS:
        if not store.groups.count(("overlay", overlay)):
            continue
        listed = dict.fromkeys(rankings.listed(store, overlay))
        order = [member for _, member in ranking.of(overlay)]
        people |= {f"{overlay}{n:08d}": (overlay, one) for n, one in enumerate(order) if one in listed}
    return people


def find_freeloaders(effects: Effects, job: Job, most: int) -> Step:
    """Who is one after this close, and who is one no more."""
    store = effects.store

    def judge(person: str) -> None:
        member = store.members[person]
        now = is_freeloader(store, member, job.day)
        if now != member.freeloader:
            store.members.put(person, replace(member, freeloader=now))

    return each(once(store, lambda: sorted(store.members)), job.cursor, most, judge)


def health(effects: Effects, job: Job, most: int) -> Step:
    """Each group's state, then its rows: of each covered day with messages, and of the last."""
    store = effects.store

    def look(key: str) -> None:
        group = store.groups[key]
        state = next_state(store, group, job.day)
        if state != "forming" and group.left_forming is None and group.closed_on is None:
            store.amend_group(key, left_forming=store.today)
        group = set_state(effects, key, state)
        spoken = sorted(day for name, day in store.talks if name == key and job.since <= day < job.day)
        for day in (*spoken, job.day):
            store.health.put((key, day), measure(store, group, day))

    step, done = each(once(store, lambda: store.groups.under(("live",))), job.cursor, max(1, most // 100), look)
    return step, 100 * done


def end(effects: Effects, job: Job, _most: int) -> Step:
    """Forget what nothing corrects any more, and ask for a plan."""
    talks.forget(effects.store, job.day)
    if (mode := mode_at_close(effects)) is not None:
        request(effects, mode)
    return None, 1


def _ranking(store: Store) -> Ranking:
    if "ranking" not in store.scratch:
        store.scratch["ranking"] = rankings.begin(store)
    ranking: Ranking = store.scratch["ranking"]
    return ranking


def _whole(store: Store, job: Job) -> Ranking:
    """The ranking, gathered to its end."""
    ranking = _ranking(store)
    while ranking.done < len(ranking.keys):
        rankings.look(store, ranking, job.half_life, len(ranking.keys))
    return ranking
