"""What the people of a town say and buy has the topics it should have, by the lexicon of the door."""

import pytest

from deploy.local.town.words import NO_TOPIC, PRODUCTS, PRODUCTS_PER_TOPIC, TEXT_COUNTS, TEXT_JSON, TEXTS, TOPICS
from services.ingest.lexicon import BUILT_IN, read_lexicon

LEXICON = read_lexicon(BUILT_IN)


@pytest.mark.parametrize("topic", TOPICS)
def test_every_text_of_a_topic_has_that_topic_and_no_other(topic: str) -> None:
    texts = [text for some in TEXTS[TOPICS.index(topic)] for text in some]
    assert len(texts) > 150
    assert {text: LEXICON.topics(text) for text in texts if LEXICON.topics(text) != (topic,)} == {}


def test_small_talk_has_no_topic() -> None:
    assert [text for some in TEXTS[NO_TOPIC] for text in some if LEXICON.topics(text)] == []


def test_most_texts_are_chinese_and_some_english() -> None:
    english = sum(text.isascii() for text in TEXT_JSON)
    assert 0.05 < english / len(TEXT_JSON) < 0.2


def test_the_texts_in_json_stand_in_the_order_of_topics_and_sorts() -> None:
    assert sum(map(sum, TEXT_COUNTS)) == len(TEXT_JSON)
    assert TEXT_JSON[TEXT_COUNTS[0][0]] == f'"{TEXTS[0][1][0]}"'


def test_products_stand_by_topic_and_have_a_price() -> None:
    assert [product.topic for product in PRODUCTS] == [n // PRODUCTS_PER_TOPIC for n in range(len(PRODUCTS))]
    assert len({product.sku for product in PRODUCTS}) == len(PRODUCTS)
    assert all(product.price_minor > 0 for product in PRODUCTS)
