"""Which stores stay in memory."""

from msgspec.structs import replace

from services.segmentation.domain.rows import Job, Member
from services.segmentation.domain.store import Store
from services.segmentation.shelf import STORE_COST, Shelf


def a_store(name: str, members: int = 0) -> Store:
    store = Store(name)
    store.members.load({f"m{n}": Member(id=f"m{n}") for n in range(members)})
    return store


def kept(shelf: Shelf) -> list[str]:
    return [name for name in "abcd" if shelf.get(0, name)]


def test_those_used_last_stay() -> None:
    shelf, a = Shelf(3 * STORE_COST), a_store("a")
    for store in (a, a_store("b"), a_store("c"), a, a_store("d")):
        shelf.put(0, [store])
    assert kept(shelf) == ["a", "c", "d"]


def test_a_large_store_takes_the_room_of_many_and_is_kept_all_the_same() -> None:
    shelf = Shelf(2 * STORE_COST)
    for store in (a_store("a"), a_store("b"), a_store("c", 1_000)):
        shelf.put(0, [store])
    assert kept(shelf) == ["c"]


def test_a_store_under_long_work_stays() -> None:
    shelf, busy = Shelf(0), a_store("a")
    busy.heads.load({"a": replace(busy.head, job=Job(kind="close", partition=0, offset=1, index=0, record=b""))})
    for store in (busy, a_store("b"), a_store("c")):
        shelf.put(0, [store])
    assert kept(shelf) == ["a", "c"]


def test_a_partition_that_is_loaded_anew_finds_nothing() -> None:
    shelf = Shelf(10_000)
    shelf.put(0, [a_store("a")])
    shelf.put(1, [a_store("a")])
    shelf.forget(0)
    assert shelf.get(0, "a") is None
    assert shelf.get(1, "a") is not None
