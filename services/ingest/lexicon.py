"""The lexicon: the topics of a message's text, by the words in it.

It is a YAML file, `topic: [word, ...]`, that is read anew when it changes.
"""

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unicodedata import normalize

import yaml
from ahocorasick_rs import AhoCorasick, MatchKind

from libs.common.errors import QunliError, UserError

BUILT_IN = Path(__file__).with_name("lexicon.yaml")
LOOK_SECONDS = 1.0
MAX_FILE = 4 << 20  # bytes; tens of thousands of words
MAX_TOPICS = 256
MAX_WORD = 64  # characters
# NFKC sorts each run of combining marks, in a time that grows with its square; in pieces it cannot be made to.
_PIECE = 64
_TOPIC = re.compile(r"[a-z0-9_.-]{1,64}")
# Scripts that write words without spaces, from the CJK radicals on: there a word may begin and end anywhere.
_UNSPACED = "\u2e80"

log = logging.getLogger(__name__)

Match = tuple[int, int, int]  # (number of the word, start, end)


class BadLexicon(QunliError):
    """{file} is no lexicon: {reason}"""


class Lexicon:
    """Words of topics, and all of a text's topics in one pass over it."""

    def __init__(self, topics: Mapping[str, Iterable[str]]) -> None:
        """`topics`: topic -> words. A word may stand under several."""
        by_word: dict[str, set[str]] = {}
        for topic, words in topics.items():
            for word in words:
                by_word.setdefault(fold(word), set()).add(topic)
        self._topics = [frozenset(found) for found in by_word.values()]
        self._automaton = AhoCorasick(list(by_word), matchkind=MatchKind.Standard)

    def topics(self, text: str) -> tuple[str, ...]:
        """The topics of the words in a text, in alphabetical order, each once.

        Where words overlap, the one that begins first counts, of those the longest. Words of an alphabet count only
        where they begin and end as words.
        """
        folded = fold(text)
        found: set[str] = set()
        covered = 0
        for number, start, end in self._matches(folded):
            if start >= covered and _stands_alone(folded, start, end):
                found |= self._topics[number]
                covered = end
        return tuple(sorted(found))

    def _matches(self, folded: str) -> Sequence[Match]:
        """Every place of every word, the first and longest first."""
        matches: list[Match] = self._automaton.find_matches_as_indexes(folded, overlapping=True)
        if len(matches) > 1:
            matches.sort(key=lambda match: (match[1], -match[2]))
        return matches


def fold(text: str) -> str:
    """A text as it is compared: without case, full-width and other compatible forms as the plain ones."""
    if text.isascii():
        return text.lower()
    if len(text) <= _PIECE:
        return _plain(text)
    return "".join([_plain(text[at : at + _PIECE]) for at in range(0, len(text), _PIECE)])


def _plain(piece: str) -> str:
    return normalize("NFKC", normalize("NFKC", piece).casefold())


def _stands_alone(text: str, start: int, end: int) -> bool:
    return not (
        (start > 0 and _of_a_word(text[start]) and _of_a_word(text[start - 1]))
        or (end < len(text) and _of_a_word(text[end - 1]) and _of_a_word(text[end]))
    )


def _of_a_word(character: str) -> bool:
    return character < _UNSPACED and character.isalnum()


# --- the file ---------------------------------------------------------------------------------------------------


class _Loader(yaml.CSafeLoader):
    """YAML, where a key that stands twice is a mistake."""

    def construct_topics(self, node: yaml.MappingNode) -> dict[Any, Any]:
        """A mapping of which every key stands once."""
        topics = self.construct_mapping(node, deep=True)
        if len(topics) < len(node.value):
            raise yaml.YAMLError("a topic stands twice")
        return topics


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_topics)


def read_lexicon(path: Path) -> Lexicon:
    """The lexicon in a file. BadLexicon, in one line."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
        if len(content) > MAX_FILE:
            raise BadLexicon(file=path, reason=f"it has more than {MAX_FILE} bytes.")
        # the loader is a safe one: it makes lists, maps and plain values, nothing else
        return Lexicon(_checked(yaml.load(content, _Loader)))  # noqa: S506
    except (OSError, yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise BadLexicon(file=path, reason=f"{' '.join(str(error).split())}.") from error


def _checked(content: Any) -> dict[str, list[str]]:
    if not isinstance(content, dict) or not 0 < len(content) <= MAX_TOPICS:
        raise ValueError(f"it should hold 1 to {MAX_TOPICS} topics, each with a list of words")
    for topic, words in content.items():
        if not isinstance(topic, str) or not _TOPIC.fullmatch(topic):
            raise ValueError(f"{str(topic)[:80]!r} is no name of a topic: 1 to 64 of a-z 0-9 _ . -")
        if not isinstance(words, list) or not words:
            raise ValueError(f"{topic} has no list of words")
        for word in words:
            if not isinstance(word, str) or not word.strip() or len(word) > MAX_WORD:
                raise ValueError(f"{topic}: {str(word)[:80]!r} is no text of 1 to {MAX_WORD} characters")
    return content


class LexiconFile:
    """A lexicon that follows its file. What cannot be read leaves the one before in force."""

    def __init__(self, setting: str) -> None:
        """`setting`: the file's path, "" = the built-in lexicon. UserError if it cannot be read at the start."""
        self.path = Path(setting) if setting else BUILT_IN
        self._stamp = _stamp(self.path)
        try:
            self.current = read_lexicon(self.path)
        except BadLexicon as error:
            raise UserError(str(error), "Correct QUNLI_LEXICON or the file.") from error

    def topics(self, text: str) -> tuple[str, ...]:
        """The topics of a text, by the lexicon that is in force."""
        return self.current.topics(text)

    async def follow(self) -> None:
        """Read the file whenever it has changed, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """Read the file if it has changed since it was read last."""
        stamp = _stamp(self.path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.current = read_lexicon(self.path)
        except BadLexicon as error:
            log.warning("the lexicon stays as it was: %s", error)
        else:
            log.info("the lexicon was read anew from %s", self.path)


def _stamp(path: Path) -> tuple[int, ...] | None:
    """What changes when a file does; None where there is none."""
    try:
        found = path.stat()  # through links: a mounted configuration is one that is swapped
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
