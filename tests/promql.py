"""Which metrics and labels an expression of PromQL names. Whether it is one at all, promtool says."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_WORDS = frozenset({"and", "or", "unless", "offset", "bool", "start", "end", "atan2", "inf", "nan"})
_TOKEN = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
      | (?P<duration>\[[^\]]*\])
      | (?P<matchers>\{(?:"(?:\\.|[^"\\])*"|[^}"])*\})
      | (?P<grouping>\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\))
      | (?P<number>\b\d[\w.]*)
      | (?P<name>[A-Za-z_:][\w:]*)""",
    re.VERBOSE,
)
_CALL = re.compile(r"\s*(?:(?:by|without)\s*)?\(")  # of a function, or of an aggregation with its labels first
_MATCHER = re.compile(r'([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*"((?:\\.|[^"\\])*)"')


@dataclass(frozen=True, slots=True)
class Named:
    """What an expression names.

    `metrics`: each with the labels that its selectors look at. `grouped`: the labels that stand in `by (...)`,
    `on (...)` and their like. `values`: (metric, label, value) of every matcher; a value of `=~` is a pattern.
    """

    metrics: Mapping[str, frozenset[str]] = field(default_factory=dict)
    grouped: frozenset[str] = frozenset()
    values: frozenset[tuple[str, str, str]] = frozenset()


def named(expression: str) -> Named:
    """What an expression names."""
    metrics: dict[str, frozenset[str]] = {}
    grouped: set[str] = set()
    values: set[tuple[str, str, str]] = set()
    last = ""
    for kind, text, rest in _tokens(expression):
        if kind == "grouping":
            grouped.update(label.strip() for label in text[text.index("(") + 1 : -1].split(",") if label.strip())
        elif kind == "matchers" and last:
            found = _MATCHER.findall(text)
            metrics[last] |= {label for label, _, _ in found}
            values |= {(last, label, value) for label, _, value in found}
        last = ""
        if kind == "name" and text.lower() not in _WORDS and not _CALL.match(rest):
            metrics.setdefault(text, frozenset())
            last = text
    return Named(metrics, frozenset(grouped), frozenset(values))


def _tokens(expression: str) -> Iterator[tuple[str, str, str]]:
    for match in _TOKEN.finditer(_without_comments(expression)):
        yield match.lastgroup or "", match.group(), match.string[match.end() :]


def _without_comments(expression: str) -> str:
    return re.sub(r"#[^\n]*", "", expression)
