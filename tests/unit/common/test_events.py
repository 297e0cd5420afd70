"""The ids of events, which are looked at after decoding: what is none is refused as the decoder would refuse it."""

import msgspec
import pytest

from libs.common.events import CheckIn, CheckInData, Id, decode_record, encode

GOOD = ("a", "Z9._:-", "x" * 64)
BAD = ("", "x" * 65, "a b", " a", "a ", "a\n", "\n", "a\x00", "店", "a~b", "a/b", '"')


def a_record(**ids: str) -> bytes:
    head = {"id": "e-1", "store_id": "sh-001", "member_id": "m-1"} | ids
    return encode(CheckIn(v=1, received_at=2, occurred_at=1, data=CheckInData(method="qr"), **head))


@pytest.mark.parametrize("name", ["id", "store_id", "member_id"])
@pytest.mark.parametrize("text", GOOD)
def test_what_is_an_id_is_taken(name: str, text: str) -> None:
    assert getattr(decode_record(a_record(**{name: text})), name) == msgspec.convert(text, Id)


@pytest.mark.parametrize("name", ["id", "store_id", "member_id"])
@pytest.mark.parametrize("text", BAD)
def test_what_is_none_is_refused_in_the_decoder_s_words(name: str, text: str) -> None:
    with pytest.raises(msgspec.ValidationError) as strict:
        msgspec.convert(text, Id)
    with pytest.raises(msgspec.ValidationError) as refused:
        decode_record(a_record(**{name: text}))
    assert str(refused.value) == f"{strict.value} - at `$.{name}`"


def test_what_one_id_has_too_much_another_does_not_make_good() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"at `\$\.id`"):
        decode_record(a_record(id="e-1 sh-001", store_id="m-1", member_id=""))
