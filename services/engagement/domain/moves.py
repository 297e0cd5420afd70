"""A membership moves from one evaluation day to a later one: by a close, or by an event of its own.

by_tier(D) is the number of memberships by their tier right after the move past D. Those that stand with their
partition need no row of their own: a close first counts them all, at the tiers they have (`open_close` in the
shell), and here a membership corrects that count only where its tier changes. One that is ahead of its partition
is not in that count: it adds itself, day by day.
"""

from libs.common.activity import Tier, next_tier_change, tier_at
from libs.common.events import Profile, ScoreSettings, Source, Transition
from services.engagement.domain.effects import Effects, TransitionRow, name
from services.engagement.domain.membership import Membership, replace, snapshot


class Cause:
    """Numbers the effects of one record on one membership: `source()` gives the next identity."""

    __slots__ = ("index", "member", "offset", "partition", "store", "topic")

    def __init__(self, topic: str, partition: int, offset: int, store: str, member: str) -> None:
        self.topic, self.partition, self.offset = topic, partition, offset
        self.store, self.member, self.index = store, member, 0

    def source(self) -> Source:
        """The identity of the next effect."""
        source = Source(self.topic, self.partition, self.offset, self.store, self.member, self.index)
        self.index += 1
        return source


def change_tier(
    m: Membership,
    tier: Tier | None,
    day: int,
    cause: Cause,
    effects: Effects,
    settings: ScoreSettings,
    event: tuple[str, int] | None = None,
) -> Membership:
    """The membership at its new tier, with the transition recorded and sent. `event`: id and instant of what did it."""
    old = m.tier
    m = replace(m, tier=tier, since_day=None if tier is None else day, unsent=False)
    source = cause.source()
    event_id, occurred_at = event or (None, None)
    effects.transitions.append(TransitionRow(source, m.member_id, day, old, tier, event_id, occurred_at))
    effects.count(m.store_id, day, f"move:{name(old)}>{name(tier)}")
    effects.messages.append(
        Transition(source=source, from_tier=old, to_tier=tier, cause=event_id, **snapshot(m, day, settings))
    )
    effects.rank(m, day, settings)
    return m


def move(m: Membership, to_day: int, cause: Cause, effects: Effects, settings: ScoreSettings) -> Membership:
    """A living membership evaluated on each day after its own up to `to_day`, silent all the while.

    Counts by_tier as for a membership that is in no partition's count: one row for each day passed.
    """
    while m.eval_day < to_day:
        changes = next_tier_change(m.days, m.eval_day)
        stop = to_day if changes is None else min(to_day, changes)
        for passed in range(m.eval_day, stop - 1):
            effects.count(m.store_id, passed, f"tier:{name(m.tier)}")
        m = _arrive(m, stop, cause, effects, settings)
        effects.count(m.store_id, stop - 1, f"tier:{name(m.tier)}")
    return m


def _arrive(m: Membership, day: int, cause: Cause, effects: Effects, settings: ScoreSettings) -> Membership:
    """On the morning of `day`: the tier re-evaluated, and the day before ended at it."""
    old, start = m.tier, m.start_tier if m.eval_day == day - 1 else m.tier
    tier = tier_at(m.days, day)
    m = replace(m, eval_day=day)
    if tier != old:
        m = change_tier(m, tier, day, cause, effects, settings)
        effects.net(m.store_id, day - 1, start, old, tier)
    return replace(m, start_tier=tier)


def carry(m: Membership, day: int | None) -> Membership:
    """A membership that no close had anything to do for, on its partition's day: nothing happened on the way."""
    if day is None or m.eval_day >= day:
        return m
    return replace(m, eval_day=day, start_tier=m.tier)


def close(m: Membership, to_day: int, cause: Cause, effects: Effects, settings: ScoreSettings) -> Membership:
    """A living membership after its partition closed the day before `to_day`; `cause` is the close's record."""
    old = m
    if m.ahead:
        m = move(m, to_day, cause, effects, settings)
        m = replace(m, ahead=m.eval_day > to_day)
    else:
        m = _corrected(m, to_day, cause, effects, settings)
    if m.unsent:
        m = profile(m, cause, effects, settings)
    m = replace(m, applied_offset=cause.offset)
    effects.standing(old, m)
    effects.rank(m, m.eval_day, settings)
    return m


def _corrected(m: Membership, to_day: int, cause: Cause, effects: Effects, settings: ScoreSettings) -> Membership:
    """As `move`, for a membership that the close has counted at the tier it had."""
    while (changes := next_tier_change(m.days, m.eval_day)) is not None and changes <= to_day:
        old = m.tier
        m = _arrive(m, changes, cause, effects, settings)
        for passed in range(changes - 1, to_day):
            effects.count(m.store_id, passed, f"tier:{name(old)}", -1)
            effects.count(m.store_id, passed, f"tier:{name(m.tier)}")
    return carry(m, to_day)


def rescore(m: Membership, cause: Cause, effects: Effects, old: ScoreSettings, new: ScoreSettings) -> Membership:
    """A living membership under new settings: a profile if its score differs. It does not move."""
    before = snapshot(m, m.eval_day, old)["score"]
    after = snapshot(m, m.eval_day, new)["score"]
    if before != after:
        m = profile(m, cause, effects, new)
    effects.rank(m, m.eval_day, new)
    return replace(m, applied_offset=cause.offset)


def profile(m: Membership, cause: Cause, effects: Effects, settings: ScoreSettings) -> Membership:
    """Tell all that is known of a membership that was active since its last message."""
    effects.messages.append(
        Profile(
            source=cause.source(),
            from_tier=None,
            to_tier=None,
            cause=None,
            **snapshot(m, m.eval_day, settings),
        )
    )
    return replace(m, unsent=False)
