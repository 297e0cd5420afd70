"""What follows from the settings that a store's groups are planned by."""

from libs.common.commands import StoreSettings


def check(settings: StoreSettings) -> None:
    """ValueError where sizes contradict each other: what no single field can say."""
    if not 0 < settings.size_min < settings.size_target < settings.size_high <= settings.size_max:
        raise ValueError("sizes must grow: min < target < high <= max")


def closing_size(settings: StoreSettings) -> int:
    """A group is closed only if the others then have at most this many on the average (237 of 200 to 250)."""
    return _above_target(settings, 74)


def full_size(settings: StoreSettings) -> int:
    """A block whose groups would have this many on the average is full (240 of 200 to 250)."""
    return _above_target(settings, 80)


def _above_target(settings: StoreSettings, percent: int) -> int:
    return settings.size_target + percent * (settings.size_high - settings.size_target) // 100
