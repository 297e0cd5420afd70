"""Visits and purchases of a day."""

import numpy as np

from deploy.local.town.happened import METHODS, CheckIns, Purchases
from deploy.local.town.hours import SHOP, after, draw_times
from deploy.local.town.people import Ints, People, draw_topics
from deploy.local.town.words import PRODUCTS, PRODUCTS_PER_TOPIC

MORE_LINES = 1.3  # items of a purchase beside the first, on average
_PRICES = np.array([product.price_minor for product in PRODUCTS])


def draw_check_ins(rng: np.random.Generator, members: Ints, begin: Ints) -> CheckIns:
    """A visit of each of `members`, who may come more than once. `begin`: from when on everybody is here."""
    at = after(draw_times(rng, SHOP, len(members)), begin[members])
    return CheckIns(members, at, rng.integers(len(METHODS), size=len(members)))


def draw_purchases(rng: np.random.Generator, people: People, members: Ints, begin: Ints) -> Purchases:
    """A purchase of each of `members`: what they buy by their taste, how much by what they spend."""
    at = after(draw_times(rng, SHOP, len(members)), begin[members])
    lines = 1 + rng.poisson(MORE_LINES, len(members))
    buyers = np.repeat(members, lines)
    topic = draw_topics(rng, people.taste[buyers])
    product = topic * PRODUCTS_PER_TOPIC + rng.integers(PRODUCTS_PER_TOPIC, size=len(buyers))
    quantity = 1 + rng.poisson(0.6 * people.spends[buyers])
    return Purchases(members, at, lines, product, quantity, quantity * _PRICES[product])
