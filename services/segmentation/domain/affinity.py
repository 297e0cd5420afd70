"""How much a member is drawn to each theme, against what the store as a whole is drawn to. Integers only.

    lift = (w_t + 20 p_t) / ((W + 20) p_t);  a = 1000 (lift - 1) / lift where lift > 1, else 0

With (lift - 1) / lift = (w_t - W p_t) / (w_t + 20 p_t), and scaled so that the strongest theme has 1000. w is in units
of 2^-20, p in parts per million.
"""

from collections.abc import Iterable, Sequence

import msgspec

from libs.common.activity import UNIT
from libs.common.days import day_number
from libs.common.events import IsoDay
from services.segmentation.domain.decay import carried
from services.segmentation.domain.rows import Member, ThemeRow
from services.segmentation.domain.store import Store

MILLION = 1_000_000
LEAST_SHARE = MILLION // 1_000
_PRIOR = 20 * UNIT  # that many mentions as the store makes them stand beside a member's own
_decoder = msgspec.json.Decoder(list[tuple[str, int, IsoDay]])


def fold(tag: str) -> str:
    """A tag as it is matched."""
    return tag.casefold()


def weights(interests: bytes, themes: Sequence[ThemeRow], day: int) -> list[int]:
    """w_t of each theme: the member's tags among the theme's, aged to `day`, in units of 2^-20."""
    mine: dict[str, int] = {}
    for tag, weight, since in _decoder.decode(interests):
        folded = fold(tag)
        mine[folded] = mine.get(folded, 0) + carried(weight, day - day_number(since))
    return [sum(mine.get(tag, 0) for tag in theme.tags) for theme in themes]


def affinities(drawn: Sequence[int], shares: Sequence[int]) -> tuple[int, ...]:
    """A of each theme, 0..1000, from w (2^-20) and p (parts per million) of each; rounded half up."""
    whole = sum(drawn)
    best, ratios = (0, 1), []
    for w, p in zip(drawn, shares, strict=True):
        ratio = (max(0, w * MILLION - whole * p), w * MILLION + _PRIOR * p)
        ratios.append(ratio)
        if ratio[0] * best[1] > best[0] * ratio[1]:
            best = ratio
    if not best[0]:
        return (0,) * len(ratios)
    return tuple([_scaled(n, d, *best) for n, d in ratios])


def _scaled(n: int, d: int, top: int, under: int) -> int:
    """1000 (n / d) / (top / under), rounded half up."""
    whole = d * top
    return (2000 * n * under + whole) // (2 * whole)


def shares_of(store: Store) -> list[int]:
    """P of each theme in force: the store's at the last design; of a newer theme 1 / number of themes."""
    head = store.head
    known = head.design.shares if head.design else {}
    even = even_share(len(head.theme_ids))
    return [known.get(theme, even) for theme in head.theme_ids]


def even_share(themes: int) -> int:
    """1 / number of themes, in parts per million."""
    return max(LEAST_SHARE, (2 * MILLION + themes) // (2 * themes))


def measured_shares(totals: Iterable[int]) -> list[int]:
    """P of each theme from the store's sums of w: at least 1/1000; even where nobody is drawn to anything."""
    sums = list(totals)
    whole = sum(sums)
    if not whole:
        return [even_share(len(sums))] * len(sums)
    return [max(LEAST_SHARE, (2 * MILLION * w + whole) // (2 * whole)) for w in sums]


def shares_today(store: Store) -> dict[str, int]:
    """P of each theme as the members stand on the store day: what a design is made with. It walks all members."""
    head, themes = store.head, themes_of(store)
    totals = [0] * len(themes)
    for member in store.members.values():
        if member.is_member:
            for place, w in enumerate(weights(member.interests, themes, store.today)):
                totals[place] += w
    return dict(zip(head.theme_ids, measured_shares(totals), strict=True))


def themes_of(store: Store) -> list[ThemeRow]:
    """The themes in force, in the order of a member's affinities."""
    return [store.themes[theme] for theme in store.head.theme_ids]


def drawn_to(store: Store, interests: bytes, day: int) -> tuple[tuple[int, ...], bool]:
    """A member's affinities with the themes in force, as of `day`; and whether it has any of their tags."""
    drawn = weights(interests, themes_of(store), day)
    return affinities(drawn, shares_of(store)), any(drawn)


def affinity_with(store: Store, member: Member, theme: str | None) -> int:
    """A member's affinity with a theme; 0 with one that was removed."""
    ids = store.head.theme_ids
    return member.affinity[ids.index(theme)] if theme in ids and member.affinity else 0
