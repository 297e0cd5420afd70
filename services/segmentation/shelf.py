"""The stores that are kept in memory, over all partitions of a process, those used last kept longest."""

from collections.abc import Iterable

from services.segmentation.domain.store import Store

STORE_COST = 100  # of a store beside its members, in members


class Shelf:
    """At most so many members in all, but for stores under long work: what it has gathered would be lost."""

    def __init__(self, members: int) -> None:
        self.limit = members
        self._stores: dict[tuple[int, str], Store] = {}

    def get(self, partition: int, store_id: str) -> Store | None:
        """A store as it was saved last, if it is here."""
        return self._stores.get((partition, store_id))

    def put(self, partition: int, stores: Iterable[Store]) -> None:
        """Keep the stores of a step, and let go of those that were not used for longest."""
        for store in stores:
            self._stores.pop((partition, store.id), None)
            self._stores[partition, store.id] = store
        held = sum(_cost(one) for one in self._stores.values())
        if held <= self.limit:
            return
        for key in [key for key, one in self._stores.items() if one.head.job is None][:-1]:
            held -= _cost(self._stores.pop(key))
            if held <= self.limit:
                return

    def forget(self, partition: int) -> None:
        """Let go of a partition's stores."""
        for key in [key for key in self._stores if key[0] == partition]:
            del self._stores[key]


def _cost(store: Store) -> int:
    return STORE_COST + len(store.members)
