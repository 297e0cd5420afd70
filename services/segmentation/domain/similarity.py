"""How near a member's district is to an area."""

from services.segmentation.domain.instance import UNKNOWN
from services.segmentation.domain.store import Store


def proximity(store: Store, one: str, other: str) -> int:
    """0..1000; a district with itself 1000, a pair that was not given 0."""
    if one == other:
        return 1000
    return store.proximities.get((one, other) if one < other else (other, one)) or 0


def similarity(store: Store, district: str | None, area: str | None) -> int:
    """Mean proximity to the area's districts, weighted by their members at the last design, rounded half up.

    500 for a district that is unknown or was not there at the last design.
    """
    design = store.head.design
    row = None if area is None else store.areas.get(area)
    if district is None or design is None or row is None or district not in design.weights:
        return UNKNOWN
    weighted = [(design.weights.get(other, 0), proximity(store, district, other)) for other in row.districts]
    whole = sum(weight for weight, _ in weighted)
    if not whole:
        return UNKNOWN
    return (2 * sum(weight * near for weight, near in weighted) + whole) // (2 * whole)
