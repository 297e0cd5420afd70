"""A mapping file is checked against the wire types before any row is read."""

from pathlib import Path

import pytest

from deploy.local.importer.mapping import (
    Constant,
    Items,
    Mapping,
    Number,
    Template,
    Text,
    Texts,
    columns_of,
    parse_mapping,
    parse_template,
)
from libs.common.errors import UserError

HEAD = """
format = 1
store_id = "s"
member_id = "m-{card}"
time = { column = "at" }
"""
CHECK_IN = '[[events]]\ntype = "check_in"\nid = "{n}"\ndata = { method = "till" }\n'


def a_mapping(text: str, head: str = HEAD) -> Mapping:
    return parse_mapping(Path("visits.toml"), (head + text).encode())


def test_a_template_is_literals_and_columns_by_turns() -> None:
    assert parse_template("a{x}{y z.w}b{{}}") == Template(("a", "", "b{}"), ("x", "y z.w"))


def test_data_becomes_values_of_the_kinds_that_the_wire_types_ask_for() -> None:
    mapping = a_mapping("""
[[events]]
type = "purchase"
id = "p-{n}"
when = { kind = "buy", place = ["till", "web"] }
[events.data]
order_id = ["{order}", "{n}"]
currency = "CNY"
[events.data.items]
sku = "{product.sku}"
category = "all"
quantity = 1
amount_minor = { column = "price", times = 100 }
[[events]]
type = "join"
id = "j-{card}"
first = true
data = { interests = ["x/{a}", "y/{b}"] }
[tables.product]
file = "products.csv"
key = "id"
by = "article"
""")
    purchase, join = mapping.events
    values = {field.name: value for field, value in purchase.data}
    items = values["items"]
    assert isinstance(items, Items)
    assert [field.name for field, _ in items.fields] == ["sku", "category", "quantity", "amount_minor"]
    assert [value for _, value in items.fields][2:] == [Constant(1), Number("price", 100)]
    assert values["order_id"] == Text((parse_template("{order}"), parse_template("{n}")))
    assert purchase.when == (("kind", ("buy",)), ("place", ("till", "web")))
    assert (join.first, join.data[0][1]) == (True, Texts((parse_template("x/{a}"), parse_template("y/{b}"))))
    named = {column for _, column in columns_of(mapping)}
    assert named == {"at", "card", "n", "order", "kind", "place", "product.sku", "price", "a", "b", "article"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[events", "is not a mapping"),
        ("", "events"),
        ("events = []", "events: there are none. Add an [[events]] entry."),
        ('[[events]]\ntype = "visit"\nid = "x"', "Invalid enum value 'visit'"),
        ("colour = 1\n" + CHECK_IN, "unknown field `colour`"),
        (CHECK_IN + "[source]\nfiel = 1", "unknown field `fiel`"),
        (CHECK_IN.replace("method", "metod"), "events[0].data.metod: there is no such field. Did you mean method?"),
        (CHECK_IN.replace("method", "zzz"), "It may be one of method, latitude, longitude."),
        (CHECK_IN.replace('data = { method = "till" }', ""), "events[0].data.method: it is missing"),
        (CHECK_IN.replace('"{n}"', '"{n"'), "events[0].id: expected '}' before end of string"),
        (CHECK_IN.replace('"{n}"', '"{}"'), "holds {} without a plain column name"),
        (CHECK_IN.replace('"till"', "7"), "events[0].data.method: it is neither a text nor a list of texts"),
        (CHECK_IN.replace("{ m", '{ latitude = "north", m'), "events[0].data.latitude: it is no number"),
        (CHECK_IN.replace("{ m", "{ latitude = true, m"), "events[0].data.latitude: it is no number"),
        (CHECK_IN.replace("{ m", '{ latitude = { column = "a", times = 0 }, m'), "it is no number"),
        (
            '[[events]]\ntype = "purchase"\nid = "x"\ndata = { order_id = "o", currency = "CNY", items = "all" }',
            "events[0].data.items: it is not a table",
        ),
        (
            '[[events]]\ntype = "purchase"\nid = "x"\ndata = { order_id = "o", currency = "CNY", total_minor = 1 }',
            "events[0].data.total_minor: there is no such field",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(UserError) as raised:
        a_mapping(text)
    assert said in str(raised.value)
    assert str(raised.value).startswith("visits.toml")


def test_another_format_is_refused() -> None:
    with pytest.raises(UserError, match="is not a mapping"):
        a_mapping(CHECK_IN, HEAD.replace("format = 1", "format = 2"))
