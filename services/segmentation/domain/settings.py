"""What a store's groups are planned by."""

from typing import Annotated

from msgspec import Meta, Struct

Weight = Annotated[int, Meta(ge=0, le=10_000)]
Size = Annotated[int, Meta(ge=1, le=300)]


class PlanSettings(Struct, frozen=True, kw_only=True):
    """Weights and costs in 1/1000 of utility, sizes in people. ValueError where they contradict each other."""

    weight_interest: Weight = 1000
    weight_district: Weight = 500
    move_cost: Weight = 150
    seed_move_cost: Weight = 300
    size_min: Size = 150
    size_target: Size = 200
    size_high: Size = 250
    size_max: Size = 300
    moves_per_mille: Annotated[int, Meta(ge=0, le=1000)] = 10  # of the members, moved in one night

    def __post_init__(self) -> None:
        """Check what no single field can say."""
        if not 0 < self.size_min < self.size_target < self.size_high <= self.size_max:
            raise ValueError("sizes must grow: min < target < high <= max")
        if min(self.weight_interest, self.weight_district, self.move_cost, self.seed_move_cost) < 0:
            raise ValueError("weights and costs must not be negative")
        if not 0 <= self.moves_per_mille <= 1000:
            raise ValueError("moves_per_mille must be within 0..1000")

    @property
    def closing_size(self) -> int:
        """A group is closed only if the others then have at most this many on the average (237 of 200 to 250)."""
        return self._above_target(74)

    @property
    def full_size(self) -> int:
        """A block whose groups would have this many on the average is full (240 of 200 to 250)."""
        return self._above_target(80)

    def _above_target(self, percent: int) -> int:
        return self.size_target + percent * (self.size_high - self.size_target) // 100
