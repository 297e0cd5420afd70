"""Records that must become dead letters, each with the code it must get."""

from tests.model.builders import Body, a_close, a_settings_change, encode, settings
from tests.model.records import AHEAD_MS, PARTITIONS, partition_of

MISSING = "missing "
FAULTS: dict[str, str] = {
    "no value": "malformed",
    "no JSON": "malformed",
    "no UTF-8": "malformed",
    "an array": "malformed",
    "NaN": "malformed",
    "missing v": "malformed",
    "missing type": "malformed",
    "missing id": "malformed",
    "missing store_id": "malformed",
    "missing member_id": "malformed",
    "missing occurred_at": "malformed",
    "missing received_at": "malformed",
    "missing data": "malformed",
    "id with a blank": "malformed",
    "id of 65": "malformed",
    "time as text": "malformed",
    "time as a fraction": "malformed",
    "data as a list": "malformed",
    "a NUL": "malformed",
    "a lone surrogate": "malformed",
    "another version": "unknown_version",
    "another type": "unknown_type",
    "too far ahead": "out_of_bounds",
    "before 2000": "out_of_bounds",
    "after 2199": "out_of_bounds",
    "before all years": "out_of_bounds",
    "another partition": "wrong_partition",
    "another key": "wrong_partition",
    "no key": "wrong_partition",
    "close with a key": "wrong_partition",
    "close of no day": "malformed",
    "close without a day": "malformed",
    "close of 1999": "out_of_bounds",
    "settings without caps": "malformed",
    "half-life 0": "malformed",
    "half-life 366": "malformed",
    "negative weight": "malformed",
}


def poisoned(fault: str, body: Body) -> tuple[int, bytes | None, bytes | None]:
    """A good event with that fault, or another bad record in its place: (partition, key, value)."""
    key: bytes | None = body["member_id"].encode()
    number = partition_of(body["member_id"])
    match fault:
        case "no key":
            key = None
        case "another key":
            key = b"nobody"
        case "another partition":
            number = (number + 1) % PARTITIONS
        case _:
            return number, key, bad_value(fault, body)
    return number, key, encode(body)


def bad_value(fault: str, body: Body) -> bytes | None:
    match fault:
        case "no value":
            return None
        case "no JSON":
            return encode(body)[:-1]
        case "no UTF-8":
            return encode(body | {"id": "?"}).replace(b"?", b"\xff")
        case "an array":
            return encode([body])
        case "NaN":
            return encode(body | {"occurred_at": float("nan")})
        case "a lone surrogate":
            return encode(body | {"type": "leave", "data": {"reason": "?"}}).replace(b'"?"', rb'"\ud800"')
        case _:
            return encode(bad_body(fault, body))


def bad_body(fault: str, body: Body) -> Body:
    at = body["received_at"]
    if fault.startswith(MISSING):
        return {name: value for name, value in body.items() if name != fault.removeprefix(MISSING)}
    return {
        "id with a blank": body | {"id": "a b"},
        "id of 65": body | {"id": "x" * 65},
        "time as text": body | {"occurred_at": str(body["occurred_at"])},
        "time as a fraction": body | {"occurred_at": body["occurred_at"] + 0.5},
        "data as a list": body | {"data": []},
        "a NUL": body | {"type": "leave", "data": {"reason": "a\0b"}},
        "another version": body | {"v": 2},
        "another type": body | {"type": "refund"},
        "too far ahead": body | {"occurred_at": at + AHEAD_MS + 1},
        "before 2000": body | {"occurred_at": 946_000_000_000},
        "after 2199": body | {"occurred_at": 7_258_300_000_000, "received_at": 7_258_300_000_000},
        "before all years": body | {"occurred_at": -(10**15)},
        "close with a key": a_close("2026-02-28", at),
        "close of no day": a_close("2026-02-30", at),
        "close without a day": {"v": 1, "type": "day_closed", "received_at": at},
        "close of 1999": a_close("1999-12-31", at),
        "settings without caps": a_settings_change(
            10**6, {name: value for name, value in settings().items() if name != "caps"}, at
        ),
        "half-life 0": a_settings_change(10**6, settings(half_life=0), at),
        "half-life 366": a_settings_change(10**6, settings(half_life=366), at),
        "negative weight": a_settings_change(10**6, settings(weights={"message": -1}), at),
    }[fault]
