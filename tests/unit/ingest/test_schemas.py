"""The published schemas are those of the code, no change of them narrows, and a change that does is noticed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.ingest import schemas
from services.ingest.compatibility import narrowings
from services.ingest.schemas import ADVICE, FOLDER, PUBLISHED, Published, as_text

EACH = pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.file_name)


@EACH
def test_nothing_that_was_taken_is_refused(published: Published) -> None:
    kept = msgspec.json.decode((FOLDER / published.file_name).read_bytes())
    found = narrowings(kept, published.schema())
    assert not found, f"{found}. {ADVICE}"


@EACH
def test_the_files_are_what_the_code_says(published: Published) -> None:
    kept = (FOLDER / published.file_name).read_text(encoding="utf-8")
    assert kept == as_text(published.schema()), "say make schemas"


def test_no_schema_is_forgotten_and_each_has_its_path() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {published.file_name for published in PUBLISHED}
    for published in PUBLISHED:
        assert schemas.find(*published.path.split("/")[-2:]) is published
    assert schemas.find("join", "v2") is None
    assert schemas.find("join", "1") is None


# --- the test of that test --------------------------------------------------------------------------------------

Changes = Iterator[tuple[str, dict[str, Any]]]  # (what was changed, the place as it then is)


def places(schema: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Every schema within a schema."""
    if isinstance(schema, dict):
        yield path, schema
        for word in ("$defs", "properties"):
            for name, inner in schema.get(word, {}).items():
                yield from places(inner, (*path, word, name))
        for word in ("items", "additionalProperties", "propertyNames"):
            yield from places(schema.get(word), (*path, word))
        for number, inner in enumerate(schema.get("anyOf", [])):
            yield from places(inner, (*path, "anyOf", number))


def without(schema: dict[str, Any], word: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != word}


LOWER, UPPER = ("minimum", "minLength", "minItems"), ("maximum", "maxLength", "maxItems")
FIRST: dict[str, dict[str, Any]] = {
    "string": {"maxLength": 64, "enum": ["a"], "contentEncoding": "base64"},
    "integer": {"multipleOf": 2, "exclusiveMinimum": 0},
    "number": {"multipleOf": 2, "exclusiveMinimum": 0},
    "array": {"uniqueItems": True, "contains": {}},
    "object": {"minProperties": 1},
}


def narrower(schema: dict[str, Any]) -> Changes:
    """Changes of one place that make it take less."""
    if "properties" in schema:
        fields, required = schema["properties"], schema["required"]
        for name in fields:
            yield f"{name} removed", schema | {"properties": without(fields, name)}
        for name in fields.keys() - required:
            yield f"{name} required", schema | {"required": [*required, name]}
        yield "a new required field", schema | {"properties": {**fields, "x": {}}, "required": [*required, "x"]}
    for words, step in ((LOWER, 1), (UPPER, -1)):
        for word in schema.keys() & set(words):
            yield f"{word} narrowed", schema | {word: schema[word] + step}
    if "pattern" in schema:
        yield "another pattern", schema | {"pattern": f"{schema['pattern']}$"}
    for word in schema.keys() & {"enum", "anyOf"}:
        yield f"one of {word} less", schema | {word: schema[word][1:]}
    if "type" in schema:
        yield "another type", schema | {"type": "boolean"}
        for word, value in FIRST[schema["type"]].items():
            yield f"a first {word}", schema | {word: value}


def wider(schema: dict[str, Any]) -> Changes:
    """Changes of one place that make it take more, or the same."""
    yield "another description", schema | {"description": "x"}
    if "properties" in schema:
        fields, required = schema["properties"], schema["required"]
        yield "a new field", schema | {"properties": {**fields, "x": {"type": "string"}}}
        for name in required:
            yield f"{name} optional", schema | {"required": [other for other in required if other != name]}
        yield "open", without(schema, "additionalProperties")
    for words, step in ((LOWER, -1), (UPPER, 1)):
        for word in schema.keys() & set(words):
            yield f"{word} widened", schema | {word: schema[word] + step}
    for word in schema.keys() & {"pattern", "format", "enum", *LOWER, *UPPER}:
        yield f"no {word}", without(schema, word)
    for word in schema.keys() & {"enum", "anyOf"}:
        yield f"one of {word} more", schema | {word: [*schema[word], {"type": "null"}]}
    if schema.get("type") == "integer":
        yield "any number", schema | {"type": "number"}


def put(schema: Any, path: tuple[Any, ...], place: Any) -> Any:
    """A schema with another one at a place of it."""
    if not path:
        return place
    inner = put(schema[path[0]], path[1:], place)
    if isinstance(schema, list):
        return [inner if number == path[0] else other for number, other in enumerate(schema)]
    return {**schema, path[0]: inner}


def found_in(published: Published, changes: Callable[[dict[str, Any]], Changes]) -> dict[str, list[str]]:
    """What is said of each change of each place, the definition that it stands in taken as the whole."""
    before = published.schema()
    return {
        f"{'/'.join(map(str, path))}: {what}": narrowings(rooted(before, path), rooted(put(before, path, new), path))
        for path, place in places(before)
        for what, new in changes(place)
    }


def rooted(schema: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    return {"$defs": schema["$defs"], "$ref": f"#/$defs/{path[1]}"} if path[:1] == ("$defs",) else schema


@EACH
def test_every_narrowing_is_found(published: Published) -> None:
    results = found_in(published, narrower)
    assert len(results) > 20
    assert not [what for what, found in results.items() if not found]


@EACH
def test_no_widening_is_taken_for_one(published: Published) -> None:
    results = found_in(published, wider)
    assert len(results) > 20
    assert not {what: found for what, found in results.items() if found}


def test_a_change_deep_within_is_found_from_the_top() -> None:
    log = schemas.find("member-events", "v1")
    assert log
    path = ("$defs", "Item", "properties", "quantity", "maximum")
    assert narrowings(log.schema(), put(log.schema(), path, 9)) == [
        "$(Purchase).data.items[items].quantity: maximum was 1000000 and is 9"
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"type": "integer"}, {"type": ["integer", "null"]}, []),
        ({"type": ["integer", "null"]}, {"type": "integer"}, ["$: type was ['integer', 'null'] and is 'integer'"]),
        ({"type": "number"}, {"type": "integer"}, ["$: type was 'number' and is 'integer'"]),
        ({"type": "integer"}, {"anyOf": [{"type": "integer"}, {"type": "null"}]}, []),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string"}, ["$: type was 'null' and is 'string'"]),
        ({"type": "array", "default": []}, {"type": "array"}, ["$: default was [] and is None"]),
        ({"anyOf": [{}], "default": 1}, {"anyOf": [{}]}, ["$: default was 1 and is None"]),
        ({"anyOf": [{"type": "string"}]}, {"anyOf": [{"type": "string"}], "maxLength": 9},
         ["$: maxLength was None and is 9"]),
        ({"unheardOf": 1}, {"unheardOf": 2}, ["$: unheardOf was 1 and is 2"]),
        ({}, {"additionalProperties": False}, ["$: took other fields and takes none"]),
        ({"type": "object"}, {"type": "object", "properties": {"a": {"type": "string"}}},
         ["$.a: type was None and is 'string'"]),
        ({"enum": [1, 2]}, {"enum": [2]}, ["$: [1] may no longer stand here"]),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"properties": {}, "additionalProperties": False},
         ["$.a: is gone"]),
    ],
)  # fmt: skip
def test_what_is_said_of_a_change(old: dict[str, Any], new: dict[str, Any], expected: list[str]) -> None:
    assert narrowings(old, new) == expected


def test_the_command_refuses_to_narrow_unless_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schemas.write(tmp_path)
    file = tmp_path / "leave.v1.json"
    before = file.read_text().replace('"required"', '"maxProperties": 9, "required"')
    file.write_text(before.replace("{0,256}", "{0,512}"))
    assert schemas.main([], tmp_path) == 1
    complaint = capsys.readouterr().err
    assert "leave.v1.json $.data.reason: pattern" in complaint
    assert ADVICE in complaint
    assert schemas.main(["--narrow"], tmp_path) == 0
    assert file.read_text() == (FOLDER / file.name).read_text()
    assert schemas.main([], tmp_path) == 0
