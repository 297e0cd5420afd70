"""Rows of a store by key, which know what changed since they were last saved."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Table(Generic[K, V]):
    """Rows that are never changed in place: `put` and `remove`, then `keep` what was saved or `revert` what was not.

    `index` names what a row can be found under; `watch` is told of each change (before, after), reverts included.
    """

    def __init__(
        self,
        index: Callable[[V], Iterable[Hashable]] | None = None,
        watch: Callable[[V | None, V | None], None] | None = None,
    ) -> None:
        self._rows: dict[K, V] = {}
        self._before: dict[K, V | None] = {}
        self._index, self._watch = index, watch
        self._under: dict[Hashable, dict[K, None]] = {}

    def __getitem__(self, key: K) -> V:
        return self._rows[key]

    def __contains__(self, key: K) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[K]:
        """Keys, in no order that means anything: sort where it matters."""
        return iter(self._rows)

    def get(self, key: K) -> V | None:
        return self._rows.get(key)

    def values(self) -> Iterable[V]:
        """Rows, in no order that means anything."""
        return self._rows.values()

    def under(self, name: Hashable) -> list[K]:
        """Sorted keys of the rows that `index` files under a name."""
        return sorted(self._under.get(name, ()))  # type: ignore[type-var]

    def count(self, name: Hashable) -> int:
        """How many rows `index` files under a name."""
        return len(self._under.get(name, ()))

    def load(self, rows: Mapping[K, V]) -> None:
        """Rows as they were saved."""
        for key, row in rows.items():
            self._set(key, row)

    def put(self, key: K, row: V) -> None:
        before = self._rows.get(key)
        if before == row:
            return
        self._before.setdefault(key, before)
        self._set(key, row)

    def remove(self, key: K) -> None:
        if (before := self._rows.get(key)) is not None:
            self._before.setdefault(key, before)
            self._set(key, None)

    def changed(self) -> dict[K, V | None]:
        """What differs from what was saved, keys sorted: the row as it is now, None if it is gone."""
        now = {key: self._rows.get(key) for key in sorted(self._before)}  # type: ignore[type-var]
        return {key: row for key, row in now.items() if row != self._before[key]}

    def keep(self) -> None:
        """What stands is saved."""
        self._before.clear()

    def revert(self) -> None:
        """Back to what was saved."""
        for key, before in self._before.items():
            self._set(key, before)
        self._before.clear()

    def _set(self, key: K, row: V | None) -> None:
        before = self._rows.get(key)
        if row is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = row
        self._file(key, before, row)
        if self._watch is not None:
            self._watch(before, row)

    def _file(self, key: K, before: V | None, after: V | None) -> None:
        if self._index is None:
            return
        old = () if before is None else tuple(self._index(before))
        new = () if after is None else tuple(self._index(after))
        if old == new:
            return
        for name in old:
            filed = self._under[name]
            filed.pop(key, None)
            if not filed:
                del self._under[name]
        for name in new:
            self._under.setdefault(name, {})[key] = None
