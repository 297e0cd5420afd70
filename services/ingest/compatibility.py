"""Whether a changed JSON Schema still takes everything that the one before took. Pure.

This is what both sides need: the door has to go on taking what clients in the field send, and readers of the log
what older writers wrote. A change may therefore only widen.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]
# Words that say something to people only.
_NOTES = {"title", "description", "examples", "discriminator", "$defs", "$schema", "$id", "$comment"}
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


def narrowings(old: Schema, new: Schema) -> list[str]:
    """What `new` refuses that `old` took, each with its place: empty = compatible.

    It knows the words that msgspec writes. Any other word that differs counts as a narrowing, and so does another
    pattern: which texts it takes cannot be told from looking at it.
    """
    return list(_Comparison(old.get("$defs", {}), new.get("$defs", {})).of(old, new, "$"))


class _Comparison:
    """Two schemas and the definitions that they refer to."""

    def __init__(self, old_defs: Schema, new_defs: Schema) -> None:
        self.old_defs, self.new_defs = old_defs, new_defs

    def of(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        old, new = _resolved(old, self.old_defs), _resolved(new, self.new_defs)
        words = {*old, *new}
        if "anyOf" in old or "anyOf" in new:
            yield from self._choices(old, new, at)
            words = {*(new if "anyOf" in new else ()), "default"}  # what stands beside the choices
        for word in sorted(words - _NOTES - {"anyOf"}):
            yield from self._word(word, old, new, at)

    def _choices(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        """Each choice that there was must still be within one that there is."""
        for choice in old.get("anyOf", [old]):
            yield from self._nearest(choice, new.get("anyOf", [new]), _within(at, choice))

    def _nearest(self, old: Schema, choices: Sequence[Schema], at: str) -> list[str]:
        """What the choice that comes nearest to `old` refuses of it."""
        nearest: list[str] | None = None
        for choice in sorted(choices, key=lambda choice: choice != old):  # most likely itself: then no other is asked
            found = list(self.of(old, choice, at))
            if not found:
                return []
            if nearest is None or len(found) < len(nearest):
                nearest = found
        return nearest or [f"{at}: is gone"]

    def _word(self, word: str, old: Schema, new: Schema, at: str) -> Iterator[str]:
        match word:
            case "type":
                yield from _type(old, new, at)
            case "enum":
                yield from _enum(old, new, at)
            case "properties":
                yield from self._properties(old, new, at)
            case "required":
                yield from _required(old, new, at)
            case "items" | "propertyNames":
                yield from self.of(old.get(word, {}), new.get(word, {}), f"{at}[{word}]")
            case "additionalProperties":
                yield from self._open(old.get(word, True), new.get(word, True), at)
            case _ if word in _LOWER:
                yield from _bound(word, old, new, at, lambda before, now: now <= before)
            case _ if word in _UPPER:
                yield from _bound(word, old, new, at, lambda before, now: now >= before)
            case _ if old.get(word) != new.get(word) and (word in new or word == "default"):
                yield f"{at}: {word} was {old.get(word)!r} and is {new.get(word)!r}"
            case _:
                pass

    def _properties(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        before, now = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            yield from self.of(schema, now.get(name, _rest(new)), f"{at}.{name}")
        for name in now.keys() - before.keys():
            if _rest(old) is not _NOTHING:
                yield from self.of(_rest(old), now[name], f"{at}.{name}")

    def _open(self, old: Any, new: Any, at: str) -> Iterator[str]:
        """Fields that have no name of their own in the schema."""
        if old is False:
            return
        if new is False:
            yield f"{at}: took other fields and takes none"
        else:
            yield from self.of(_as_schema(old), _as_schema(new), f"{at}[...]")


_NOTHING: Schema = {"enum": []}  # what no value fits


def _rest(schema: Schema) -> Schema:
    """What an object asks of a field that it does not name."""
    return _as_schema(schema.get("additionalProperties", True))


def _as_schema(value: Any) -> Schema:
    if isinstance(value, bool):
        return {} if value else _NOTHING
    found: Schema = value
    return found


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    if "$ref" in schema:
        name: str = schema["$ref"].rpartition("/")[2]
        found: Schema = definitions[name]
        return found
    return schema


def _within(at: str, choice: Schema) -> str:
    return f"{at}({choice['$ref'].rpartition('/')[2]})" if "$ref" in choice else at


def _types(schema: Schema) -> set[str]:
    found = schema.get("type", [])
    return {found} if isinstance(found, str) else set(found)


def _type(old: Schema, new: Schema, at: str) -> Iterator[str]:
    now = _types(new)
    lost = _types(old) - now - ({"integer"} if "number" in now else set())
    if now and (lost or not _types(old)):
        yield f"{at}: type was {old.get('type')!r} and is {new.get('type')!r}"


def _enum(old: Schema, new: Schema, at: str) -> Iterator[str]:
    if "enum" not in new:
        return
    if "enum" not in old:
        yield f"{at}: is now one of {new['enum']!r}" if new["enum"] else f"{at}: is gone"
    elif lost := [value for value in old["enum"] if value not in new["enum"]]:
        yield f"{at}: {lost!r} may no longer stand here"


def _required(old: Schema, new: Schema, at: str) -> Iterator[str]:
    for name in new.get("required", []):
        if name not in old.get("required", []):
            yield f"{at}.{name}: is now required"


def _bound(word: str, old: Schema, new: Schema, at: str, wider: Callable[[Any, Any], bool]) -> Iterator[str]:
    if word in new and not (word in old and wider(old[word], new[word])):
        yield f"{at}: {word} was {old.get(word)!r} and is {new[word]!r}"
