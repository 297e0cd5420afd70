"""A store's themes: replaced as a set and numbered. A removed one keeps its id for ever."""

from collections.abc import Mapping, Sequence

from msgspec import UNSET
from msgspec.structs import replace

from libs.common.commands import Theme, ThemesBody
from libs.common.placements import ThemesDefined
from services.segmentation.domain.affinity import drawn_to, fold
from services.segmentation.domain.default_themes import DEFAULT_THEMES
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.groups import tell_updated
from services.segmentation.domain.rows import Block, ThemeRow
from services.segmentation.domain.slices import Step, each, once
from services.segmentation.domain.store import Store


def ensure(effects: Effects) -> None:
    """The default set is recorded with a store's first record."""
    if not effects.store.head.themes_version:
        define(effects, DEFAULT_THEMES, {})


def fault(store: Store, body: ThemesBody) -> str | None:
    """Why a set cannot be defined."""
    ids = [theme.id for theme in body.themes]
    removed = [theme for theme in store.head.theme_ids if theme not in ids]
    if body.version is not UNSET and body.version != store.head.themes_version:
        return "version_conflict"
    if len(set(ids)) != len(ids):
        return "theme_twice"
    if any(theme not in removed for theme in body.into) or any(theme not in ids for theme in body.into.values()):
        return "bad_into"
    return None


def define(effects: Effects, themes: Sequence[Theme], into: Mapping[str, str]) -> None:
    """The set from here on. Members' affinities follow by `refresh`."""
    store = effects.store
    version, ids = store.head.themes_version + 1, tuple(theme.id for theme in themes)
    removed = tuple(theme for theme in store.head.theme_ids if theme not in ids)
    for theme in removed:
        store.themes.put(theme, replace(store.themes[theme], removed=version))
    for one in themes:
        store.themes.put(one.id, _row(store, one, version))
    store.amend(themes_version=version, theme_ids=ids)
    effects.tell(ThemesDefined, version=version, themes=tuple(themes), removed=removed)
    for theme in sorted(into):
        _take_over(effects, theme, into[theme])


def _row(store: Store, theme: Theme, version: int) -> ThemeRow:
    known = store.themes.get(theme.id)
    return ThemeRow(
        id=theme.id,
        name=theme.name,
        name_en=None if theme.name_en is UNSET else theme.name_en,
        tags=tuple(sorted({fold(tag) for tag in theme.tags})),
        shown=theme.tags,
        since=version if known is None or known.removed is not None else known.since,
    )


def _take_over(effects: Effects, theme: str, by: str) -> None:
    """The groups of a removed theme belong to another one from here on, in their areas."""
    store = effects.store
    for key in store.groups.under(("themed",)):
        group = store.groups[key]
        if group.theme != theme:
            continue
        assert group.area is not None
        if (by, group.area) not in store.blocks:
            store.blocks.put((by, group.area), Block(theme=by, area=group.area))
        tell_updated(effects, store.amend_group(key, theme=by))


def refresh(store: Store, after: str, most: int) -> Step:
    """Affinities anew for so many members after one, aged to the store day."""

    def anew(key: str) -> None:
        member = store.members[key]
        if member.is_member:
            affinity, has_tags = drawn_to(store, member.interests, store.today)
            store.members.put(key, replace(member, affinity=affinity, has_tags=has_tags))

    return each(once(store, lambda: sorted(store.members)), after, most, anew)
