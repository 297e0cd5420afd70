"""The people of a store: who they are, which stays, whatever they do. One row of every array is one person."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from deploy.local.town.places import Places
from deploy.local.town.words import TOPICS

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LAPSING, MONTHLY, WEEKLY, DAILY, THRICE_DAILY = range(5)
PACES = ("lapsing", "monthly", "weekly", "daily", "thrice_daily")
PACE_SHARES = (0.20, 0.25, 0.37, 0.145, 0.035)
MESSAGES = np.array([0.5, 0.5, 0.9, 1.5, 6.0])  # on an active day, before a person's own chattiness, by pace
INFLUENTIAL, VIP, FREELOADER = 0.025, 0.03, 0.03  # shares; nobody is two of them

ZIPF = 0.9  # the n-th best liked topic of a store has the weight 1 / n^ZIPF
HAS_TASTE, HAS_SECOND = 0.85, 0.4
TELLS_TASTE, TELLS_WRONG, TELLS_DISTRICT = 0.7, 0.1, 0.92


@dataclass(frozen=True, slots=True)
class People:
    """`joins`: day number. `main`, `second`: topics they like, -1 = none. `taste`: chance of each topic, as sums that
    end at 1. `told`: bits of the topics that a join names. `tells_district`: whether it names the district.
    `chat`: messages on an active day. `spends`: what a purchase is multiplied by.
    """

    joins: Ints
    district: Ints
    tells_district: Bools
    main: Ints
    second: Ints
    taste: Floats
    told: Ints
    pace: Ints
    chat: Floats
    spends: Floats
    influential: Bools
    vip: Bools
    freeloader: Bools

    def __len__(self) -> int:
        return len(self.joins)

    def __add__(self, others: "People") -> "People":
        """These, then the others."""
        return People(*(np.concatenate((getattr(self, one.name), getattr(others, one.name))) for one in fields(self)))


def popularity(rng: np.random.Generator) -> Floats:
    """How much a store's people like each topic: zipf, in an order of the store's own; sums to 1."""
    weights = 1 / np.arange(1, len(TOPICS) + 1) ** ZIPF
    return rng.permutation(weights / weights.sum())


def draw_people(rng: np.random.Generator, joins: Ints, places: Places, liked: Floats) -> People:
    """So many people as `joins` has days. `liked`: the store's popularity of topics."""
    count = len(joins)
    role = rng.random(count)
    influential = role < INFLUENTIAL
    vip = (role >= INFLUENTIAL) & (role < INFLUENTIAL + VIP)
    freeloader = role >= 1 - FREELOADER
    pace = rng.choice(len(PACES), count, p=PACE_SHARES)
    pace = np.where(influential | vip, np.maximum(pace, DAILY), pace)
    main, second = _likes(rng, count, liked)
    return People(
        joins=joins,
        district=rng.choice(len(places.names), count, p=places.share),
        tells_district=rng.random(count) < TELLS_DISTRICT,
        main=main,
        second=second,
        taste=_taste(main, second, liked),
        told=_told(rng, main, second),
        pace=pace,
        chat=MESSAGES[pace] * rng.lognormal(-0.18, 0.6, count) * np.where(influential, 1.5, 1.0),
        spends=rng.lognormal(-0.08, 0.4, count) * np.where(vip, 4.0, 1.0),
        influential=influential,
        vip=vip,
        freeloader=freeloader,
    )


def _likes(rng: np.random.Generator, count: int, liked: Floats) -> tuple[Ints, Ints]:
    main = np.where(rng.random(count) < HAS_TASTE, rng.choice(len(TOPICS), count, p=liked), -1)
    second = rng.choice(len(TOPICS), count, p=liked)
    has_second = (main >= 0) & (second != main) & (rng.random(count) < HAS_SECOND)
    return main, np.where(has_second, second, -1)


def _taste(main: Ints, second: Ints, liked: Floats) -> Floats:
    """Noise first: a third of what anybody says and buys follows the store, not the person."""
    weights = np.tile(liked, (len(main), 1))
    for topic, weight in ((main, 1.5), (second, 0.7)):
        rows = np.flatnonzero(topic >= 0)
        weights[rows, topic[rows]] += weight
    sums = np.cumsum(weights, axis=1)
    sums /= sums[:, -1:]
    return sums


def _told(rng: np.random.Generator, main: Ints, second: Ints) -> Ints:
    wrong = rng.random(len(main)) < TELLS_WRONG
    named = np.where(wrong, rng.integers(len(TOPICS), size=len(main)), main)
    bits = np.where(named >= 0, 1 << np.maximum(named, 0), 0) | np.where(second >= 0, 1 << np.maximum(second, 0), 0)
    return np.where(rng.random(len(main)) < TELLS_TASTE, bits, 0)


def draw_topics(rng: np.random.Generator, taste: Floats) -> Ints:
    """A topic by each row's taste."""
    topic: Ints = (taste <= rng.random(len(taste))[:, None]).sum(axis=1).clip(max=len(TOPICS) - 1)
    return topic
