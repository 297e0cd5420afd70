"""The convex costs: the table of the specification, and what is derived from it."""

from itertools import product

import msgspec
import pytest

from libs.common.commands import StoreSettings
from services.segmentation.domain.costs import (
    Costs,
    Segments,
    active_bound,
    cost_at,
    costs_of,
    firm,
    is_convex,
    marginal,
    relaxed,
    size_bounds,
    slopes,
    table,
)
from services.segmentation.domain.instance import build
from services.segmentation.domain.settings import closing_size, full_size

SETTINGS = StoreSettings()
COSTS = costs_of(SETTINGS, 1000, 400)


def parts(costs: Costs) -> list[Segments]:
    return [costs.size, costs.forming, costs.seed, costs.active]


def test_sizes_have_the_slopes_of_the_specification() -> None:
    assert size_bounds(SETTINGS) == (150, 180, 190, 200, 210, 220, 250, 300)
    steps = slopes(COSTS.size, 299)
    at = [0, 149, 150, 180, 190, 200, 210, 220, 249, 250, 299]
    assert [steps[count] for count in at] == [-1200, -1200, -150, -40, -10, 10, 40, 150, 150, 1500, 1500]
    forming = slopes(COSTS.forming, 299)
    assert (set(forming[:200]), forming[200:]) == ({-10}, steps[200:])


def test_seed_users_and_active_members_have_the_slopes_of_the_specification() -> None:
    assert slopes(COSTS.seed, 13) == [-3000, -200, -50, 0, 6, 12, 18, 18, 24, 24, 24, 24, 34, 34]
    steps = slopes(COSTS.active, 130)  # 40 % of 200 are 80: bounds at 48, 60, 68, 76, 84, 92, 104, 120
    assert [steps[count] for count in (47, 48, 60, 68, 76, 84, 92, 104, 120)] == [
        -300, -150, -80, -30, 0, 10, 20, 30, 40
    ]  # fmt: skip


def test_bounds_of_the_active_share_are_rounded_half_up() -> None:
    assert [active_bound(60, 200, 1000, active) for active in (0, 4, 5, 400)] == [0, 0, 1, 48]
    assert active_bound(60, 200, 0, 0) == 0


def test_all_costs_are_convex_and_least_at_0() -> None:
    for costs, settings in product((COSTS, costs_of(SETTINGS, 3, 0), costs_of(SETTINGS, 0, 0)), (SETTINGS,)):
        for made in (costs, firm(costs, settings), relaxed(costs, settings)):
            assert all(is_convex(one) for one in parts(made))
            assert all(min(table(one, 400)) == 0 for one in parts(made))
    assert (cost_at(COSTS.size, 200), cost_at(COSTS.seed, 3), cost_at(COSTS.active, 80)) == (0, 0, 0)
    assert cost_at(COSTS.size, 0) == 150 * 1200 + 30 * 150 + 10 * 40 + 10 * 10


def test_a_table_is_the_cost_at_each_count() -> None:
    for one in parts(COSTS):
        assert table(one, 320) == [cost_at(one, count) for count in range(321)]


def test_relaxed_costs_know_no_largest_size() -> None:
    assert slopes(relaxed(COSTS, SETTINGS).size, 5_000)[250:] == [150] * 4751


def test_a_marginal_cost_is_the_difference_of_two() -> None:
    for size, seeds, active, forming in product((0, 149, 150, 199), (0, 1, 5), (0, 48, 90), (False, True)):
        of_size = COSTS.of_size(is_forming=forming)
        step = cost_at(of_size, size + 1) - cost_at(of_size, size)
        assert marginal(COSTS, "ordinary", size, seeds, active, is_forming=forming) == step
        more = cost_at(COSTS.seed, seeds + 1) - cost_at(COSTS.seed, seeds)
        assert marginal(COSTS, "seed", size, seeds, active, is_forming=forming) == step + more
        more = cost_at(COSTS.active, active + 1) - cost_at(COSTS.active, active)
        assert marginal(COSTS, "active", size, seeds, active, is_forming=forming) == step + more


def test_settings_derive_their_thresholds_and_refuse_what_contradicts_itself() -> None:
    assert (closing_size(SETTINGS), full_size(SETTINGS)) == (237, 240)
    for text in (
        b'{"size_min": 200}',
        b'{"size_min": 260}',
        b'{"size_high": 300, "size_max": 299}',
        b'{"size_target": 250}',
    ):
        settings = msgspec.json.decode(text, type=StoreSettings)
        with pytest.raises(ValueError, match="sizes must grow"):
            build("shop", settings, (), (), {}, (), (), ())
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"weight_interest": -1}', type=StoreSettings)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"size_min": 301}', type=StoreSettings)
