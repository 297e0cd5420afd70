"""Which topics a text is about, and which files are a lexicon."""

import logging
import re
from pathlib import Path

import pytest
import yaml

from libs.common.errors import UserError
from libs.common.events import TextFacts
from services.ingest import lexicon
from services.ingest.lexicon import BUILT_IN, BadLexicon, Lexicon, LexiconFile, fold, read_lexicon

SMALL = Lexicon(
    {
        "pets": ["cat", "cats", "cat food", "猫", "猫粮", "B超犬"],
        "baby": ["奶粉", "baby food", "维生素D"],
        "food": ["food", "奶", "粉丝", "cream cheese", "café"],
        "sweets": ["ice cream"],
        "health": ["维生素D", "b超"],
    }
)


@pytest.mark.parametrize(
    ("text", "topics"),
    [
        ("", ()),
        ("hello", ()),
        ("a cat", ("pets",)),
        ("CAT!", ("pets",)),
        ("category, concat, cat5, 5cat", ()),
        ("cat's", ("pets",)),
        ("the_cat", ("pets",)),
        ("买cat粮", ("pets",)),
        ("ｃａｔ", ("pets",)),
        ("écat", ()),
        ("a CAT, ｆｏｏｄ", ("food", "pets")),
        ("catégorie", ()),
        ("catкот", ()),
        ("猫粮", ("pets",)),
        ("我家猫猫的猫粮", ("pets",)),
        ("奶", ("food",)),
        ("奶粉", ("baby",)),  # the longest word where several begin
        ("奶粉丝", ("baby",)),  # the word that begins first
        ("奶 粉丝", ("food",)),
        ("cat food", ("pets",)),
        ("cat foods", ("pets",)),  # "cat food" does not stand as words, "cat" does
        ("dice cream cheese", ("food",)),  # and what does not stand hides nothing
        ("ice cream cheese", ("sweets",)),
        ("baby food", ("baby",)),
        ("food for the cat, 奶粉", ("baby", "food", "pets")),
        ("cat cat cat", ("pets",)),
        ("维生素d", ("baby", "health")),
        ("维生素D3", ()),
        ("Ｂ超", ("health",)),
        ("CAFÉ", ("food",)),
        ("cafe\u0301", ("food",)),
    ],
)
def test_the_topics_of_a_text(text: str, topics: tuple[str, ...]) -> None:
    assert SMALL.topics(text) == topics


def test_a_long_text_is_searched_to_its_end() -> None:
    assert SMALL.topics("好" * 32_000 + "猫" + "x" * 700) == ("pets",)


def test_combining_marks_are_never_sorted_in_long_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that NFKC takes grows with the square of a run's length: 0.5 s for one event of 32 KiB."""
    lengths: list[int] = []

    def counted(form: str, piece: str) -> str:
        lengths.append(len(piece))
        return piece

    monkeypatch.setattr(lexicon, "normalize", counted)
    fold("\u0301\u0323" * 8_000)
    assert max(lengths) <= 64


BUILT = read_lexicon(BUILT_IN)
WORDS: dict[str, list[str]] = yaml.load(BUILT_IN.read_bytes(), yaml.CSafeLoader)


def test_the_built_in_lexicon_has_its_topics_in_both_languages() -> None:
    assert list(WORDS) == ["grocery", "baby", "fitness", "food", "health", "garden", "pets", "beauty"]
    for topic, words in WORDS.items():
        chinese = [word for word in words if re.search(r"[\u4e00-\u9fff]", word)]
        assert 40 <= len(chinese) <= 80, topic
        assert 40 <= len(words) - len(chinese) <= 80, topic
        assert len({fold(word) for word in words}) == len(words), topic
        assert TextFacts(1, (topic,))


def test_every_built_in_word_is_found() -> None:
    lost = [word for topic, words in WORDS.items() for word in words if topic not in BUILT.topics(f"x {word}, y")]
    assert not lost


@pytest.mark.parametrize(
    ("text", "topics"),
    [
        ("今天有人拼单婴儿奶粉吗？", ("baby", "grocery")),
        ("Anyone for yoga tonight? Smoothies after.", ("fitness",)),
        ("猫砂买一送一", ("pets",)),
        ("新到的草莓特别甜", ("food",)),
        ("宝宝发烧了要去医院吗", ("baby", "health")),
        ("多肉换盆用什么土", ("garden",)),
        ("这个面膜敏感肌能用吗", ("beauty",)),
        ("明天几点开会", ()),
        ("the category of scatter plots", ()),
    ],
)
def test_what_people_write(text: str, topics: tuple[str, ...]) -> None:
    assert BUILT.topics(text) == topics


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "topics"),
        (b"[a, b]", "topics"),
        (b"{}", "topics"),
        (b"baby: [a]\nbaby: [b]", "stands twice"),
        (b"Baby food: [a]", "name of a topic"),
        (b"1: [a]", "name of a topic"),
        (b"baby: a", "list of words"),
        (b"baby: []", "list of words"),
        (b"baby: [1]", "no text"),
        (b"baby: [no]", "no text"),
        (b"baby: ['']", "no text"),
        (b"baby: [[a]]", "no text"),
        (b"baby: [" + b"x" * 65 + b"]", "no text"),
        (b"baby: [a", "flow sequence"),
        (b"baby: \xff", "UTF-8"),
        (b"baby: !!python/object/apply:os.getcwd []", "constructor"),
        (b"#" * ((4 << 20) + 1), "bytes"),
    ],
)
def test_a_file_that_is_no_lexicon(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "lexicon.yaml"
    file.write_bytes(content)
    with pytest.raises(BadLexicon, match=reason) as bad:
        read_lexicon(file)
    assert "\n" not in str(bad.value)
    assert str(file) in str(bad.value)


def test_without_a_setting_the_built_in_one_is_used() -> None:
    assert LexiconFile("").topics("奶粉") == ("baby",)


def test_a_bad_file_at_the_start_is_an_error_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="QUNLI_LEXICON"):
        LexiconFile(str(tmp_path / "nowhere.yaml"))


def test_a_changed_file_is_read_and_a_bad_one_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    path = tmp_path / "lexicon.yaml"
    path.write_text("tea: [茶]")
    followed = LexiconFile(str(path))
    followed.look()
    assert (followed.topics("茶 酒"), caplog.messages) == (("tea",), [])

    path.write_text("tea: [茶]\nwine: [酒]")
    followed.look()
    assert followed.topics("茶 酒") == ("tea", "wine")
    assert len(caplog.messages) == 1

    path.write_text("tea: 茶")
    for _ in range(3):
        followed.look()
    assert followed.topics("茶 酒") == ("tea", "wine")
    path.unlink()
    for _ in range(3):
        followed.look()
    assert followed.topics("茶 酒") == ("tea", "wine")
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "WARNING"]
    assert all(record.exc_info is None for record in caplog.records)

    new = tmp_path / "new.yaml"
    new.write_text("coffee: [茶]")
    new.replace(path)
    followed.look()
    assert followed.topics("茶 酒") == ("coffee",)
