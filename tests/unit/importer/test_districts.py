"""Districts out of who goes where."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from deploy.local.importer.districts import make_districts, nearness
from deploy.local.importer.made import made_districts
from deploy.local.importer.mapping import Mapping, parse_mapping
from libs.common.commands import Proximity
from libs.common.errors import UserError

MAPPING = """
format = 1
store_id = "s"
member_id = "m-{card}"
time = { column = "at" }
[districts]
column = "shop"
name = "near {shop}"
most = %d
[[events]]
type = "join"
id = "{card}"
data = { district = "{district}" }
"""


def a_mapping(most: int = 2) -> Mapping:
    return parse_mapping(Path("visits.toml"), (MAPPING % most).encode())


def visits(*pairs: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(place, member) as two columns."""
    place, member = zip(*pairs, strict=True)
    return np.array(place), np.array(member)


def test_proximity_is_the_cosine_of_shared_members() -> None:
    goes = np.array([[1, 1, 0, 0], [0, 1, 1, 1], [0, 0, 0, 1]], dtype=np.bool_)
    assert nearness(goes).tolist() == [[1000, 408, 0], [408, 1000, 577], [0, 577, 1000]]


def test_few_places_stay_as_they_are() -> None:
    made = make_districts(*visits((0, 0), (1, 0), (1, 1)), most=2)
    assert made.of_place.tolist() == [0, 1]
    assert made.proximity.tolist() == [[1000, 707], [707, 1000]]


def test_the_smallest_place_joins_the_one_that_shares_most_members_with_it() -> None:
    two_towns = visits(*((0, m) for m in range(5)), *((1, m) for m in range(5, 9)), (2, 4), (2, 3), (3, 8))
    made = make_districts(*two_towns, most=2)
    assert made.of_place.tolist() == [0, 1, 0, 1]
    assert made.busiest.tolist() == [0, 1]
    assert made.proximity.tolist() == [[1000, 0], [0, 1000]]


def test_a_place_that_shares_nobody_joins_the_largest() -> None:
    made = make_districts(*visits((0, 0), (1, 1), (1, 2), (2, 3), (2, 4), (2, 5)), most=2)
    assert made.of_place.tolist() == [1, 0, 1]


def test_neither_the_order_of_visits_nor_how_often_somebody_came_matters() -> None:
    draw = np.random.default_rng(7)
    place, member = draw.integers(0, 30, 400), draw.integers(0, 90, 400)
    made = make_districts(place, member, most=6)
    order = draw.permutation(800) % 400
    again = make_districts(place[order], member[order], most=6)
    assert np.array_equal(made.of_place, again.of_place)
    assert np.array_equal(made.proximity, again.proximity)
    assert sorted(set(made.of_place.tolist())) == list(range(6))


def test_rows_get_the_district_that_is_named_after_its_busiest_place() -> None:
    rows = pa.table({"card": [1, 2, 3, 3, 1, 4], "shop": ["b", "b", "a", "c", "b", None]})
    made = made_districts(a_mapping(), a_mapping().districts, rows)  # type: ignore[arg-type]
    assert made.of_row.to_pylist() == ["near b", "near b", "near a", "near a", "near b", None]
    assert made.body.proximities == ()


def test_pairs_that_are_near_at_all_become_proximities() -> None:
    rows = pa.table({"card": [1, 2, 2, 3], "shop": ["a", "a", "b", "b"]})
    made = made_districts(a_mapping(), a_mapping().districts, rows)  # type: ignore[arg-type]
    assert made.body.proximities == (Proximity("near a", "near b", 500),)


def test_a_source_without_places_has_no_districts() -> None:
    rows = pa.table({"card": [1], "shop": pa.array([None], pa.string())})
    made = made_districts(a_mapping(), a_mapping().districts, rows)  # type: ignore[arg-type]
    assert (made.of_row.to_pylist(), made.names, made.body.proximities) == ([None], (), ())


@pytest.mark.parametrize("name", ["near", "{card}", "{shop} {card}"])
def test_a_name_goes_by_the_place_and_nothing_else(name: str) -> None:
    text = (MAPPING % 2).replace("near {shop}", name)
    with pytest.raises(UserError, match=r"districts.name: it must name \{shop\}"):
        parse_mapping(Path("visits.toml"), text.encode())
