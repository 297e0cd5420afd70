"""Salts: 8 bits of blake2b of an arc's identity, by which equal optima are told apart, whatever the order of rows.

Identities are names and bounds, never numbers of nodes: what has no part in a change keeps its salts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from services.segmentation.domain.instance import NOWHERE, Instance, interest

Bytes = npt.NDArray[np.uint8]
SCALE = 1 << 30  # true costs are multiples of it: salts decide between equal ones only
LONGEST_PATH = 6  # arcs that a member's unit of flow passes, at most


def salts(store: str, names: Iterable[str]) -> Bytes:
    """A salt for each name."""
    start = store.encode() + b"\0"
    return np.frombuffer(b"".join([_byte(start + name.encode()) for name in names]), dtype=np.uint8)


def _byte(identity: bytes) -> bytes:
    return blake2b(identity, digest_size=1).digest()


@dataclass(frozen=True, slots=True)
class MemberSalts:
    """Those of the arcs at a member: to each theme that it is drawn to, to any theme, to its group, to nowhere."""

    theme: Bytes  # n x T, 0 where nothing draws
    any: Bytes
    stay: Bytes
    nowhere: Bytes


def member_salts(instance: Instance) -> MemberSalts:
    """Of a store; a flow with other groups has the same."""
    ids, store = instance.members.ids, instance.store
    groups = (*instance.groups.ids, "")
    rows, columns = np.nonzero(interest(instance))
    theme = np.zeros((len(ids), len(instance.themes)), dtype=np.uint8)
    drawn = zip(rows.tolist(), columns.tolist(), strict=True)
    theme[rows, columns] = salts(store, (f"theme\0{ids[row]}\0{instance.themes[column]}" for row, column in drawn))
    stay = np.zeros(len(ids), dtype=np.uint8)
    (placed,) = np.nonzero(instance.members.group != NOWHERE)
    stay[placed] = salts(store, (f"stay\0{ids[at]}\0{groups[instance.members.group[at]]}" for at in placed.tolist()))
    return MemberSalts(
        theme,
        salts(store, (f"any\0{name}" for name in ids)),
        stay,
        salts(store, (f"nowhere\0{name}" for name in ids)),
    )


def assert_exact(members: int) -> None:
    """The salts of all members together stay under one unit of true cost."""
    assert LONGEST_PATH * members * 256 < SCALE, f"{members} members are more than one exact flow can hold"
