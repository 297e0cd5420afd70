"""How a body is cut into events: by its media type, its encoding and its bytes."""

import gzip
import json
import tracemalloc
import zlib

import pytest

from libs.common.http import MAX_BODY as MAX_ON_THE_WIRE
from libs.common.http import PROBLEMS
from services.ingest.forms import (
    CLOUDEVENT,
    CLOUDEVENTS,
    FORMS,
    JSON,
    MAX_BODY,
    NDJSON,
    Unfit,
    form_of,
    inflate,
    split_batch,
    split_json,
    split_lines,
    unpacker,
)


def code_of(unfit: pytest.ExceptionInfo[Unfit]) -> str:
    assert unfit.value.code in PROBLEMS
    return unfit.value.code


@pytest.mark.parametrize(
    ("content_type", "media"),
    [
        ("application/json", JSON),
        ("Application/JSON; Charset=UTF-8", JSON),
        ('application/x-ndjson;charset="utf-8"', NDJSON),
        ("application/cloudevents+json; charset=utf-8", CLOUDEVENT),
        ("application/cloudevents-batch+json", CLOUDEVENTS),
    ],
)
def test_a_form_goes_by_its_media_type(content_type: str, media: str) -> None:
    assert form_of(content_type) is FORMS[media]


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/json; charset=gbk", "application/cloudevents+avro", "application/cloudevents"],
)
def test_no_other_form_is_taken(content_type: str) -> None:
    with pytest.raises(Unfit) as unfit:
        form_of(content_type)
    assert code_of(unfit) == "unsupported_media_type"


def test_a_body_is_one_event_or_an_array() -> None:
    assert split_json(b' {"a":1} ') == [b' {"a":1} ']
    assert split_json(b' [{"a" : 1 } , 5] ') == [b'{"a" : 1 }', b"5"]
    assert split_json(b"[]") == []


@pytest.mark.parametrize("body", [b"[", b"[1,]", b"[NaN]", b"[1] x", b"[" * 5_000])
def test_an_array_that_is_none(body: bytes) -> None:
    with pytest.raises(Unfit) as unfit:
        split_json(body)
    assert code_of(unfit) == "unreadable"


@pytest.mark.parametrize("body", [b"", b"{}", b"5", b'{"a": [1]}'])
def test_a_batch_is_an_array(body: bytes) -> None:
    with pytest.raises(Unfit) as unfit:
        split_batch(body)
    assert code_of(unfit) == "unreadable"


def test_lines_are_events_and_empty_ones_are_none() -> None:
    assert split_lines(b'{"a":1}\r\n\n  \n\r\n{"b":2}') == [b'{"a":1}\r', b'{"b":2}']
    assert split_lines(b'{"a":1}\n') == [b'{"a":1}']
    assert split_lines(b"\n") == []
    assert split_lines(b"") == []


@pytest.mark.parametrize(("split", "body"), [(split_batch, b"[%s5]"), (split_lines, b"%s5")])
def test_a_request_has_a_thousand_events_at_most(split: object, body: bytes) -> None:
    assert callable(split)
    between = b"," if split is split_batch else b"\n"
    assert len(split(body % (b"5%b" % between * 999))) == 1_000
    with pytest.raises(Unfit) as unfit:
        split(body % (b"5%b" % between * 1_000))
    assert code_of(unfit) == "too_many_events"


def test_gzip_is_inflated_up_to_the_bound() -> None:
    assert MAX_BODY == MAX_ON_THE_WIRE
    body = b"a" * MAX_BODY
    assert inflate(gzip.compress(body)) == body
    assert inflate(gzip.compress(b"")) == b""
    with pytest.raises(Unfit) as unfit:
        inflate(gzip.compress(body + b"a"))
    assert code_of(unfit) == "body_too_large"


def test_inflating_stops_at_the_bound() -> None:
    bomb = gzip.compress(bytes(24 << 20), 1)
    tracemalloc.start()
    try:
        with pytest.raises(Unfit) as unfit:
            inflate(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert code_of(unfit) == "body_too_large"
    assert peak < 4 * MAX_BODY


WHOLE = gzip.compress(json.dumps({"id": "a"}).encode() * 50, mtime=0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        *[WHOLE[:length] for length in range(1, len(WHOLE))],
        WHOLE + b"\0",
        WHOLE + WHOLE,
        WHOLE[:-5] + bytes([WHOLE[-5] ^ 1]) + WHOLE[-4:],  # the checksum of other bytes
        zlib.compress(b"{}"),
    ],
)
def test_what_is_no_whole_gzip_member(body: bytes) -> None:
    with pytest.raises(Unfit) as unfit:
        inflate(body)
    assert code_of(unfit) == "unreadable"


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " x-gzip "])
def test_gzip_is_taken_off(encoding: str) -> None:
    assert unpacker(encoding)(gzip.compress(b"[]")) == b"[]"


def test_gzip_that_tells_another_length_than_it_has_is_refused() -> None:
    packed = gzip.compress(b"[]")
    with pytest.raises(Unfit) as unfit:
        unpacker("gzip")(packed[:-4] + bytes(4))
    assert code_of(unfit) == "unreadable"


@pytest.mark.parametrize("encoding", ["", "identity"])
def test_a_plain_body_stays(encoding: str) -> None:
    assert unpacker(encoding)(b"[]") == b"[]"


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "gzip, identity"])
def test_no_other_encoding_is_taken(encoding: str) -> None:
    with pytest.raises(Unfit) as unfit:
        unpacker(encoding)
    assert code_of(unfit) == "unsupported_encoding"
