"""Ids of frames come back as they went; whatever else is sent for one is refused."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.live_ids import (
    EVERYWHERE,
    LONGEST,
    At,
    BadId,
    Place,
    encode_place,
    generation_of,
    read_id,
    write_id,
)

GENERATION = generation_of("cluster", ["a", "b"])


chances = st.randoms(use_true_random=False)


def places_by(chance: random.Random) -> list[Place]:
    """Places of some partitions."""
    return [_place(at, chance) for at in chance.sample(EVERYWHERE, chance.randrange(len(EVERYWHERE) + 1))]


def _place(at: At, chance: random.Random) -> Place:
    end = chance.randrange(2 ** chance.randrange(1, 62))
    seqs = tuple((source, chance.randrange(2**40)) for source in range(chance.randrange(13)))
    upto = chance.choice([None, "s-1", "x" * 64])
    return Place(*at, end, seqs, chance.randint(0, end), chance.choice([None, -3, 20_514]), upto)


def _write(found: list[Place]) -> str:
    return write_id(GENERATION, [encode_place(place) for place in found]).decode()


@given(chances)
def test_an_id_comes_back(chance: random.Random) -> None:
    found = places_by(chance)
    text = _write(found)
    assert len(text) <= LONGEST
    assert read_id(text) == (GENERATION, {place.at: place for place in found})


@given(chances)
def test_an_id_with_a_character_changed_is_refused(chance: random.Random) -> None:
    text = _write(places_by(chance))
    at = chance.randrange(len(text))
    other = chance.choice([one for one in "ABCxyz019-_=!\n" if one != text[at]])
    changed = text[:at] + other + text[at + 1 :]
    try:
        assert read_id(changed) == read_id(text)  # the last character has bits that say nothing
    except BadId:
        return
    assert at == len(text) - 1


@given(st.text(max_size=200))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(BadId):
        read_id(text)


@pytest.mark.parametrize("cut", [1, 4, 9, 20])
def test_a_part_of_an_id_is_refused(cut: int) -> None:
    text = _write([Place(0, 3, 17, ((0, 5), (11, 900)), 2, 20_000, "s-1")])
    for part in (text[:-cut], text[cut:], text + "A" * cut, "A" * (LONGEST + cut)):
        with pytest.raises(BadId):
            read_id(part)


def test_a_fold_that_is_longer_than_the_log_is_refused() -> None:
    with pytest.raises(BadId):
        read_id(_write([Place(0, 3, 17, (), 18)]))


def test_another_cluster_or_topic_is_another_log() -> None:
    logs = [("cluster", ["a", "b"]), ("other", ["a", "b"]), ("cluster", ["a", "c"]), ("cluster", ["b", "a"])]
    assert len({generation_of(cluster, topics) for cluster, topics in logs}) == 4
