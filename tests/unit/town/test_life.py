"""How a store lives: paces, weeks, roles, and what groups do to people."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import islice

import numpy as np
import pytest

from deploy.local.town.grouping import in_join_order
from deploy.local.town.happened import CheckIns, Happened, Messages, Purchases
from deploy.local.town.hours import WEEKDAYS
from deploy.local.town.life import GroupsOf, Life, days_of_life, nobody_in_groups
from deploy.local.town.people import MONTHLY, PACES, THRICE_DAILY, WEEKLY, Ints
from deploy.local.town.town import stores_of
from deploy.local.town.truth import truth_of
from deploy.local.town.words import TOPICS
from libs.common.days import HOUR_MS
from tests.unit.town.towns import FIRST, a_town

TOWN = a_town(3_000)
DAYS = 28


def lived(groups_of: GroupsOf, days: int = DAYS) -> Sequence[tuple[Life, Happened]]:
    return list(islice(days_of_life(stores_of(TOWN)[0], groups_of), days))


@cache
def plain() -> Sequence[tuple[Life, Happened]]:
    return lived(nobody_in_groups)


def active(day: Happened) -> Ints:
    """Who does something, by number; a join alone counts, too."""
    return np.unique(np.concatenate([day.joins.member, *(table.member for table in acts(day))]))


def acts(day: Happened) -> tuple[CheckIns | Purchases | Messages, ...]:
    return (day.check_ins, day.purchases, day.messages)


def active_days(days: Sequence[tuple[Life, Happened]], last: int) -> Ints:
    """Of everybody, how many of the last days were active."""
    seen = np.concatenate([active(day) for _, day in days[-last:]])
    return np.bincount(seen, minlength=len(days[-1][0].people))


def test_a_store_begins_with_its_members_and_grows_a_little() -> None:
    joined = [len(day.joins.member) for _, day in plain()]
    assert joined[:1] == [1_500]
    assert 880 <= joined[1] <= 930
    assert sum(joined[:3]) >= 3_000
    assert all(3 <= number <= 40 for number in joined[3:])


def test_the_default_town_has_about_a_member_day_an_event() -> None:
    events = sum(sum(day.counts().values()) for _, day in plain())
    assert 0.9 < events / (3_000 * DAYS) < 1.3


def test_people_keep_to_their_pace() -> None:
    life = plain()[-1][0]
    week = active_days(plain(), 7)
    old = life.present & (life.since < FIRST + 7) & ~life.people.freeloader
    mean = {PACES[pace]: week[old & (life.people.pace == pace)].mean() for pace in range(len(PACES))}
    assert 0.0 < mean["lapsing"] < 0.2 < mean["monthly"] < 0.7 < mean["weekly"] < 3.0
    assert 5.5 < mean["daily"] < 6.5 < mean["thrice_daily"] <= 7.0


def test_those_of_three_times_a_day_act_in_three_hours_on_most_days() -> None:
    life, day = plain()[-1]
    hours: dict[int, set[int]] = {}
    for table in acts(day):
        for member, at in zip(table.member.tolist(), table.at.tolist(), strict=True):
            hours.setdefault(member, set()).add(at // HOUR_MS)
    theirs = [len(some) for member, some in hours.items() if life.people.pace[member] == THRICE_DAILY]
    others = [len(some) for member, some in hours.items() if life.people.pace[member] == WEEKLY]
    assert np.mean(np.array(theirs) >= 3) > 0.75
    assert np.mean(np.array(others) >= 3) < 0.4


def test_weekends_are_busier_and_evenings_talk_more() -> None:
    by_weekday = Counter[int]()
    for life, day in plain()[7:]:
        by_weekday[(life.day - 1 + 3) % 7] += len(active(day))
    busiest = sorted(by_weekday, key=by_weekday.__getitem__)
    assert busiest[-1] == WEEKDAYS.index(max(WEEKDAYS))
    hours = Counter((plain()[9][1].messages.at // HOUR_MS).tolist())
    assert hours[20] > 2 * hours[15]
    assert set(hours) == set(range(7, 22))


def test_freeloaders_join_and_never_do_anything() -> None:
    people = plain()[-1][0].people
    for _, day in plain():
        for table in acts(day):
            assert not people.freeloader[table.member].any()
    assert 0.02 < people.freeloader.mean() < 0.04


def test_what_the_influential_write_is_replied_to_and_they_invite() -> None:
    people = plain()[-1][0].people
    replied = Counter[int]()
    for _, day in plain():
        replied.update(day.messages.reply_to[day.messages.reply_to >= 0].tolist())
    influential = np.flatnonzero(people.influential)
    by_replies = {member for member, _ in replied.most_common(len(influential))}
    assert len(by_replies & set(influential.tolist())) > 0.85 * len(influential)
    inviters = np.concatenate([day.joins.invited_by for _, day in plain()])
    inviters = inviters[inviters >= 0]
    assert people.influential[inviters].mean() > 0.85


def test_the_influential_are_found_by_the_rule_of_seed_users() -> None:
    """10 for each member they invited, 1 for each author a day who speaks to them in a group; the best 3 %."""
    days = lived(in_join_order)
    life = days[-1][0]
    worth = np.zeros(len(life.people), dtype=np.int64)
    for _, day in days:
        invited_by = day.joins.invited_by
        np.add.at(worth, invited_by[invited_by >= 0], 10)
        spoke = np.concatenate([_pairs(day.messages, to) for to in (day.messages.reply_to, day.messages.mention)])
        np.add.at(worth, np.unique(spoke, axis=0)[:, 1], 1)
    here = np.flatnonzero(life.present)
    best = here[np.argsort(-worth[here], kind="stable")][: len(here) * 3 // 100]
    truly = life.people.influential[best].sum()
    assert truly / len(best) > 0.75
    assert truly / (life.people.influential & life.present).sum() > 0.9


def _pairs(messages: Messages, to: Ints) -> Ints:
    """(author, spoken to) of the messages in groups."""
    speaks = (to >= 0) & (messages.group >= 0)
    return np.stack((messages.member[speaks], to[speaks]), axis=1)


def test_vips_spend_a_multiple() -> None:
    people = plain()[-1][0].people
    spent = np.zeros(len(people))
    for _, day in plain():
        np.add.at(spent, np.repeat(day.purchases.member, day.purchases.lines), day.purchases.amount)
    assert spent[people.vip].mean() > 8 * spent[~people.vip].mean()


def test_what_people_write_and_buy_follows_their_likes_with_noise() -> None:
    people = plain()[-1][0].people
    topic, writer = (
        np.concatenate([getattr(day.messages, name) for _, day in plain()]) for name in ("topic", "member")
    )
    about = (topic < len(TOPICS)) & (people.main[writer] >= 0)
    fits = topic[about] == people.main[writer[about]]
    assert 0.4 < fits.mean() < 0.7


def test_themes_are_liked_by_zipf() -> None:
    people = plain()[-1][0].people
    counts = np.sort(np.bincount(people.main[people.main >= 0], minlength=len(TOPICS)))[::-1]
    assert 1.5 < counts[0] / counts[1] < 2.3
    assert 4.5 < counts[0] / counts[-1] < 8.5
    assert 0.1 < (people.main < 0).mean() < 0.2


def the_lively(life: Life) -> dict[str, str]:
    """Everybody but the lapsing and the monthly ones, in one group."""
    lively = np.flatnonzero(life.present & (life.people.pace >= WEEKLY))
    return {life.store.member_id(who): "warm" for who in lively.tolist()}


def test_members_warm_up_from_weekly_to_daily_where_their_group_is_alive() -> None:
    days = lived(the_lively)
    life = days[-1][0]
    weekly = life.present & (life.people.pace == WEEKLY) & (life.since < FIRST + 3) & ~life.people.freeloader
    alone, together = active_days(plain(), 7)[weekly], active_days(days, 7)[weekly]
    assert life.warmth[weekly].min() > 1.9
    assert alone.mean() == pytest.approx(2.1, abs=0.3)
    assert together.mean() > 4.5
    assert (alone >= 5).mean() < 0.1
    assert (together >= 5).mean() > 0.5


def test_members_cool_down_where_few_of_their_group_write() -> None:
    def only_seldom(life: Life) -> dict[str, str]:
        seldom = np.flatnonzero(life.present & (life.people.pace == MONTHLY))
        return {life.store.member_id(who): "quiet" for who in seldom.tolist()}

    days = lived(only_seldom)
    life = days[-1][0]
    monthly = life.present & (life.people.pace == MONTHLY) & (life.since < FIRST + 3)
    assert life.warmth[monthly].mean() < -1.9
    assert active_days(days, 7)[monthly].mean() < 0.5 * active_days(plain(), 7)[monthly].mean()


def test_the_truth_names_the_roles_and_agrees_with_what_happened() -> None:
    truth = truth_of(TOWN, FIRST + DAYS - 1, nobody_in_groups).stores[0]
    life = plain()[-1][0]
    assert truth.present == life.present.sum()
    assert truth.events == dict(sum((Counter(day.counts()) for _, day in plain()), Counter[str]()))
    for role in ("influential", "vip", "freeloader"):
        wanted = np.flatnonzero(getattr(life.people, role))
        assert truth.who(role) == [life.store.member_id(who) for who in wanted.tolist()]
    assert len(truth.members) == len(life.people)
    assert 8 <= len(truth.districts) <= 12
    for place, district in enumerate(truth.districts):
        assert district.proximity[place] == 1000
        assert district.proximity == [other.proximity[place] for other in truth.districts]
        assert all(0 <= near <= 1000 for near in district.proximity)
