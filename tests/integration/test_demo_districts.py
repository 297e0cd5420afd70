"""The districts of the demo's grocer: 457 shops, by the households that they share."""

from deploy.local.demo.demo import MAPPING
from deploy.local.importer.mapping import read_mapping
from deploy.local.importer.proximity import proximities_of


def test_shops_become_twelve_districts_that_all_share_households() -> None:
    near = proximities_of(read_mapping(MAPPING)).proximities
    names = {name for one in near for name in (one.a, one.b)}
    assert len(names) == 12
    assert "around-424" in names
    assert len(near) == 12 * 11 // 2
    assert all(0 < one.value < 600 for one in near)
    assert next(one.value for one in near if {one.a, one.b} == {"around-321", "around-424"}) == 366
